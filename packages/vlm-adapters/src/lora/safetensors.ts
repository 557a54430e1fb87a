import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { VlmError } from '../errors.js';
import { fromBfloat16, fromHalf } from './float-formats.js';
import {
  maximumHeaderBytes,
  parseSafetensorsHeader,
  quote,
  type SafetensorsEntry,
} from './safetensors-header.js';
import type { LoraMatrix } from './types.js';

export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>;
  /** Every tensor of a floating-point type, widened to float32. */
  readonly tensors: ReadonlyMap<string, LoraMatrix>;
}

/**
 * Reads a safetensors file of floating-point tensors.
 *
 * @param accept Called with each name before any data are read; throws for a name that is not wanted.
 * @throws {VlmError} `adapter` if the file is missing, truncated or not what its header says.
 */
export async function readSafetensors(
  path: string,
  accept: (name: string, entry: SafetensorsEntry) => void = () => {},
): Promise<Safetensors> {
  const file = await openRegularFile(path);
  try {
    const { size } = await file.stat();
    const start = await readFully(file, 0, Math.min(8, size), path);
    if (start.length < 8)
      throw truncated(path, `it has ${size} bytes, and its header starts with 8`);
    const headerBytes = start.readBigUInt64LE(0);
    if (headerBytes > BigInt(maximumHeaderBytes) || headerBytes > BigInt(size - 8)) {
      throw truncated(
        path,
        `its header claims ${headerBytes} bytes, and the file has ${size} (headers end at ${maximumHeaderBytes})`,
      );
    }
    const header = await readFully(file, 8, Number(headerBytes), path);
    const dataStart = 8 + header.length;
    const { metadata, entries } = parseSafetensorsHeader(
      decodeText(header, path),
      size - dataStart,
      path,
    );
    for (const [name, entry] of entries) {
      accept(name, entry);
      if (!Object.hasOwn(decoders, entry.dtype)) {
        throw new VlmError(
          'adapter',
          `${path}: tensor ${quote(name)} has the type ${entry.dtype}, expected one of ${Object.keys(decoders).join(', ')}.`,
        );
      }
    }
    const tensors = new Map<string, LoraMatrix>();
    for (const [name, { dtype, dims, begin, end }] of entries) {
      const bytes = await readFully(file, dataStart + begin, end - begin, path);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const decode = decoders[dtype];
      tensors.set(name, { dims, data: decode?.(view) ?? new Float32Array() });
    }
    return { metadata, tensors };
  } finally {
    await file.close();
  }
}

/**
 * The bytes of a safetensors file of float32 tensors, in the order of their names.
 *
 * The same tensors always give the same bytes. The header is padded so that the data start at a multiple of 8.
 */
export function safetensorsBytes(
  tensors: ReadonlyMap<string, LoraMatrix>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Uint8Array {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const [name, { dims, data }] of sorted) {
    header[name] = { dtype: 'F32', shape: dims, data_offsets: [end, end + data.length * 4] };
    end += data.length * 4;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Math.ceil(text.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded + end, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  text.copy(bytes, 8);
  let offset = 8 + padded;
  for (const [, { data }] of sorted) {
    for (const value of data) offset = bytes.writeFloatLE(value, offset);
  }
  return bytes;
}

const decoders: Readonly<Record<string, (view: DataView) => Float32Array>> = {
  F32: (view) => decodeEach(view, 4, (offset) => view.getFloat32(offset, true)),
  F64: (view) => decodeEach(view, 8, (offset) => view.getFloat64(offset, true)),
  F16: (view) => decodeEach(view, 2, (offset) => fromHalf(view.getUint16(offset, true))),
  BF16: (view) => decodeEach(view, 2, (offset) => fromBfloat16(view.getUint16(offset, true))),
};

function decodeEach(view: DataView, width: number, read: (offset: number) => number): Float32Array {
  const values = new Float32Array(view.byteLength / width);
  for (let index = 0; index < values.length; index++) values[index] = read(index * width);
  return values;
}

/** Opens a file, and nothing that would block or act when it is opened. */
async function openRegularFile(path: string): Promise<FileHandle> {
  try {
    if (!(await stat(path)).isFile()) throw new Error('it is not a file');
    return await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VlmError('adapter', `Cannot open ${path}: ${reason}.`, { cause });
  }
}

async function readFully(
  file: FileHandle,
  position: number,
  length: number,
  path: string,
): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) throw truncated(path, `it ended at byte ${position + filled}`);
    filled += bytesRead;
  }
  return bytes;
}

function decodeText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new VlmError('adapter', `${path} is not a safetensors file: its header is no UTF-8.`, {
      cause,
    });
  }
}

function truncated(path: string, how: string): VlmError {
  return new VlmError(
    'adapter',
    `${path} is truncated or not a safetensors file: ${how}. Copy or download it again.`,
  );
}
