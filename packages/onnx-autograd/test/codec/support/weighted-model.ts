import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  GraphProtoSchema,
  ModelProto,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { makeModel } from './made-models.js';

/** Elements of each weight: 128 KiB of float32, above the size from which weights may lie outside. */
export const weightElements = 32_768;

export const weightBytes: number = 4 * weightElements;

/** Bytes of a weight with the same value everywhere. */
export function weightOf(value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Float32Array(weightElements).fill(value).buffer);
}

type TensorInit = Exclude<MessageInitShape<typeof TensorProtoSchema>, { $typeName: string }>;

/** A weight whose bytes lie in the model. */
export function insideWeight(name: string, value: number): TensorInit {
  return { name, dims: [BigInt(weightElements)], dataType: 1, rawData: weightOf(value) };
}

/** A weight whose bytes lie in a file. */
export function outsideWeight(name: string, location: string, offset: number): TensorInit {
  return {
    name,
    dims: [BigInt(weightElements)],
    dataType: 1,
    dataLocation: 1,
    externalData: [
      { key: 'location', value: location },
      { key: 'offset', value: `${offset}` },
      { key: 'length', value: `${weightBytes}` },
    ],
  };
}

function vectorInfo(name: string): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = [{ value: { case: 'dimValue' as const, value: BigInt(weightElements) } }];
  return {
    name,
    type: { value: { case: 'tensorType', value: { elemType: 1, shape: { dim } } } },
  };
}

/**
 * y = ((x · initializer) · constant) · (a branch's weight): one weight in each of the places where ONNX
 * Runtime takes them from a file.
 */
export function weightedModel(
  weight: (name: string) => TensorInit,
  rest: Partial<MessageInitShape<typeof GraphProtoSchema>> = {},
): ModelProto {
  const branch = (name: string): MessageInitShape<typeof GraphProtoSchema> => ({
    name,
    node: [{ opType: 'Mul', input: ['b', `${name}.weight`], output: [`${name}.y`] }],
    initializer: [weight(`${name}.weight`)],
    output: [vectorInfo(`${name}.y`)],
  });
  return makeModel({
    node: [
      { opType: 'Mul', input: ['x', 'weight'], output: ['a'] },
      {
        opType: 'Constant',
        output: ['constant'],
        attribute: [{ name: 'value', type: 4, t: weight('constant') }],
      },
      { opType: 'Mul', input: ['a', 'constant'], output: ['b'] },
      {
        opType: 'If',
        input: ['condition'],
        output: ['y'],
        attribute: [
          { name: 'then_branch', type: 5, g: branch('then') },
          { name: 'else_branch', type: 5, g: branch('else') },
        ],
      },
    ],
    initializer: [weight('weight')],
    input: [
      vectorInfo('x'),
      {
        name: 'condition',
        type: { value: { case: 'tensorType', value: { elemType: 9, shape: { dim: [] } } } },
      },
    ],
    output: [vectorInfo('y')],
    ...(rest as object),
  });
}

/** Names of its weights, each with the value that the tests give it. */
export const weightValues: Readonly<Record<string, number>> = {
  weight: 2,
  constant: 3,
  'then.weight': 5,
  'else.weight': 7,
};
