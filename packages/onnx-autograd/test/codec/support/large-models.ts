import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { ModelProto } from 'onnx-buf';
import { bytesOf, makeModel } from './made-models.js';

/** Columns of the table, each a float32. */
export const columns = 1000;

const rowBytes = 4 * columns;

/** What the first and the last row hold in every column. The rows between are zeros that take no disk. */
export const [firstRow, lastRow] = [3, 4];

type TableInit = NonNullable<Parameters<typeof makeModel>[0]['initializer']>[number];

/** y = table[index], which touches the rows that are asked for and no others. */
function tableModel(table: TableInit[]): ModelProto {
  const info = (name: string, elemType: number, sizes: number[]) => ({
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: {
          elemType,
          shape: {
            dim: sizes.map((size) => ({
              value: { case: 'dimValue' as const, value: BigInt(size) },
            })),
          },
        },
      },
    },
  });
  return makeModel({
    node: [{ opType: 'Gather', input: ['table', 'index'], output: ['y'] }],
    initializer: table,
    input: [info('index', 7, [2])],
    output: [info('y', 1, [2, columns])],
  });
}

/** Writes a table of `rows` as a sparse stretch of a file. */
function writeTable(descriptor: number, start: number, rows: number): void {
  ftruncateSync(descriptor, start + rows * rowBytes);
  const row = (value: number): Uint8Array =>
    new Uint8Array(new Float32Array(columns).fill(value).buffer);
  writeSync(descriptor, row(firstRow), 0, rowBytes, start);
  writeSync(descriptor, row(lastRow), 0, rowBytes, start + (rows - 1) * rowBytes);
}

/** A model with its table inside: `raw_data` of `rows` · 4000 bytes. */
export function writeLargeInline(folder: string, rows: number): string {
  const path = join(folder, 'inline.onnx');
  const head = new BinaryWriter();
  head.tag(1, WireType.LengthDelimited).fork().int64(rows).int64(columns).join();
  head.tag(2, WireType.Varint).int32(1);
  head.tag(8, WireType.LengthDelimited).string('table');
  head.tag(9, WireType.LengthDelimited).uint32(rows * rowBytes);
  const tensorHead = head.finish();
  const tensorLength = tensorHead.length + rows * rowBytes;
  const tensorField = new BinaryWriter()
    .tag(5, WireType.LengthDelimited)
    .uint32(tensorLength)
    .raw(tensorHead)
    .finish();
  // Two graph fields would be two graphs, so the graph of the rest is taken out of its model.
  const rest = graphBytes(bytesOf(tableModel([])));
  const graphLength = rest.graph.length + tensorField.length + rows * rowBytes;
  const beginning = new BinaryWriter()
    .raw(rest.before)
    .tag(7, WireType.LengthDelimited)
    .uint32(graphLength)
    .raw(rest.graph)
    .raw(tensorField)
    .finish();
  const descriptor = openSync(path, 'w');
  try {
    writeSync(descriptor, beginning);
    writeTable(descriptor, beginning.length, rows);
  } finally {
    closeSync(descriptor);
  }
  return path;
}

/** A model with its table in `table.bin`, of `rows` · 4000 bytes. */
export function writeLargeExternal(folder: string, rows: number): string {
  const path = join(folder, 'external.onnx');
  const table = {
    name: 'table',
    dims: [BigInt(rows), BigInt(columns)],
    dataType: 1,
    dataLocation: 1,
    externalData: [
      { key: 'location', value: 'table.bin' },
      { key: 'offset', value: '0' },
      { key: 'length', value: `${rows * rowBytes}` },
    ],
  };
  writeFileSync(path, bytesOf(tableModel([table])));
  const descriptor = openSync(join(folder, 'table.bin'), 'w');
  try {
    writeTable(descriptor, 0, rows);
  } finally {
    closeSync(descriptor);
  }
  return path;
}

/** Splits a model of onnx-buf, which writes the graph after versions and before operator sets. */
function graphBytes(model: Uint8Array): { before: Uint8Array; graph: Uint8Array } {
  const graphTag = model.indexOf(0x3a);
  let position = graphTag + 1;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = model[position++] as number;
    length += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  const after = model.subarray(position + length);
  return {
    before: Uint8Array.from([...model.subarray(0, graphTag), ...after]),
    graph: model.subarray(position, position + length),
  };
}
