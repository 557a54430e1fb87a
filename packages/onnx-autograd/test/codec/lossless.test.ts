import { file_onnx, ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { encodeModel } from '../../src/codec/encode.js';
import { readModel } from '../../src/codec/read-model.js';
import { modelToBytes } from '../../src/codec/write-model.js';
import { expectSameModel, forEachMessage, parseModel } from './support/independent-reader.js';
import { addUnknownFields, bytesOf, makeFullModel, makeModel } from './support/made-models.js';

describe('a model with every field of ONNX', () => {
  it('holds every kind of message', () => {
    const seen = new Set<string>();
    forEachMessage(ModelProtoSchema, makeFullModel(), ({ typeName }) => seen.add(typeName));
    // All that the schema defines but the opaque type and the operator-set file, which no model holds.
    const known = file_onnx.messages.flatMap((message) => [message, ...message.nestedMessages]);
    expect(known.map(({ typeName }) => typeName).filter((name) => !seen.has(name))).toEqual([]);
  });

  it('reads equal after decoding and encoding', () => {
    const bytes = bytesOf(makeFullModel());
    expectSameModel(parseModel(modelToBytes(readModel(bytes))), parseModel(bytes));
  });

  it('keeps unknown fields of every message', () => {
    const model = makeFullModel();
    expect(addUnknownFields(model)).toBeGreaterThan(100);
    const bytes = bytesOf(model);
    expectSameModel(parseModel(modelToBytes(readModel(bytes))), parseModel(bytes));
  });

  it('is the same bytes after a second round', () => {
    const model = makeFullModel();
    addUnknownFields(model);
    const once = modelToBytes(readModel(bytesOf(model)));
    expect(Buffer.compare(modelToBytes(readModel(once)), once)).toBe(0);
  });
});

describe('the comparison', () => {
  it.each(['unknown field', 'attribute', 'dimension', 'nested value'] as const)(
    'notices a changed %s',
    (what) => {
      const changed = makeFullModel();
      const original = makeFullModel();
      addUnknownFields(changed);
      addUnknownFields(original);
      let left = 1;
      forEachMessage(ModelProtoSchema, changed, ({ typeName }, message) => {
        if (left === 0) return;
        const fields = message as unknown as Record<string, unknown>;
        if (what === 'unknown field' && typeName === 'onnx.TypeProto.Map') message.$unknown = [];
        else if (what === 'attribute' && fields['type'] === 7) fields['ints'] = [1n];
        else if (what === 'dimension' && typeName === 'onnx.TensorShapeProto') fields['dim'] = [];
        else if (what === 'nested value' && fields['key'] === 'value of binding')
          fields['key'] = '';
        else if (what === 'nested value' && fields['numShards'] === 2n) fields['numShards'] = 3n;
        else return;
        left--;
      });
      expect(left).toBe(0);
      expect(() => expectSameModel(changed, original)).toThrow();
    },
  );
});

describe('what the codec makes of it', () => {
  const model = readModel(bytesOf(makeFullModel()));
  const [node] = model.graph.nodes;
  const attribute = (name: string): unknown =>
    node?.attributes.find((candidate) => candidate.name === name)?.value;

  it('reads the attributes by their type', () => {
    expect(attribute('float')).toEqual({ kind: 'float', value: Math.fround(-0.1) });
    expect(attribute('int')).toEqual({ kind: 'int', value: -(2n ** 63n) });
    expect(attribute('ints')).toEqual({ kind: 'ints', value: [-1n, 0n, 2n ** 63n - 1n, 300n] });
    expect(attribute('no values')).toEqual({ kind: 'ints', value: [] });
    expect(attribute('two values')).toEqual({ kind: 'int', value: 3n });
  });

  it('leaves what it does not interpret opaque', () => {
    for (const [name, type] of [
      ['sparse', 11],
      ['sparses', 12],
      ['type', 13],
      ['types', 14],
      ['reference', 2],
      ['kind of the future', 99],
    ] as const) {
      expect(attribute(name)).toEqual({ kind: 'opaque', type });
    }
  });

  it('reads types and shapes of values', () => {
    const shapes = model.graph.inputs.map(({ name, type, shape }) => [name, type, shape]);
    expect(shapes).toEqual([
      ['x', 'float32', [3, 'name', '', '']],
      ['sequence', undefined, undefined],
      ['map', undefined, undefined],
      ['optional', undefined, undefined],
      ['sparse', undefined, undefined],
      ['untyped', undefined, undefined],
    ]);
  });

  it('reads what IR version 1 left untyped', () => {
    const untyped = makeModel({
      node: [
        {
          opType: 'A',
          output: ['y'],
          attribute: [
            { name: 'zero', f: 0 },
            { name: 'int', i: 0n },
            { name: 'ints', ints: [4n] },
            { name: 'nothing' },
          ],
        },
      ],
    });
    const values = readModel(bytesOf(untyped)).graph.nodes[0]?.attributes.map(({ value }) => value);
    expect(values).toEqual([
      { kind: 'float', value: 0 },
      { kind: 'int', value: 0n },
      { kind: 'ints', value: [4n] },
      { kind: 'opaque', type: 0 },
    ]);
  });

  it('reads the alias ai.onnx of the standard domain', () => {
    const aliased = makeModel(
      { node: [{ opType: 'Identity', domain: 'ai.onnx', input: ['x'], output: ['y'] }] },
      { opsetImport: [{ domain: 'ai.onnx', version: 21n }] },
    );
    const read = readModel(bytesOf(aliased));
    expect([...read.opsetImports]).toEqual([['', 21]]);
    expect(read.graph.nodes[0]?.domain).toBe('');
  });

  it('encodes the same with and without a folder when nothing lies in files', () => {
    expect(encodeModel(model, { weights: 'external' }).toBytes()).toEqual(modelToBytes(model));
  });
});
