import { describe, expect, it } from 'vitest';
import { differentiate } from '../../src/index.js';
import {
  checkOperator,
  fixed,
  floats,
  integers,
  type OperatorCase,
  type OperatorInput,
  operatorModel,
} from '../support/operator-check.js';

interface Shape {
  readonly opset: number;
  readonly isFlat?: boolean;
  readonly batch?: number;
  readonly length?: number;
  readonly keyLength?: number;
  readonly heads?: number;
  readonly keyHeads?: number;
  readonly size?: number;
  readonly valueSize?: number;
  readonly mask?: OperatorInput;
  readonly past?: number;
  readonly attributes?: OperatorCase['attributes'];
  readonly more?: readonly OperatorInput[];
  readonly outputs?: readonly string[];
}

function attention(shape: Shape): OperatorCase {
  const { batch = 2, length = 3, heads = 2, size = 4, past, isFlat = false } = shape;
  const { keyLength = length, keyHeads = heads, valueSize = size } = shape;
  const dims = (tokens: number, count: number, width: number): number[] =>
    isFlat ? [batch, tokens, count * width] : [batch, count, tokens, width];
  const pasts =
    past === undefined
      ? [undefined, undefined]
      : [floats(4, [batch, keyHeads, past, size]), floats(5, [batch, keyHeads, past, valueSize])];
  return {
    operator: 'Attention',
    opset: shape.opset,
    attributes: {
      ...(isFlat ? { q_num_heads: heads, kv_num_heads: keyHeads } : {}),
      ...shape.attributes,
    },
    inputs: [
      floats(1, dims(length, heads, size)),
      floats(2, dims(keyLength, keyHeads, size)),
      floats(3, dims(keyLength, keyHeads, valueSize)),
      shape.mask,
      ...pasts,
      ...(shape.more ?? []),
    ],
    outputs: shape.outputs ?? (past === undefined ? ['y0'] : ['y0', 'y1', 'y2']),
  };
}

const booleans = (dims: readonly number[], values: readonly number[]): OperatorInput =>
  integers('bool', dims, values);

describe.each([23, 24])('Attention of operator set %d', (opset) => {
  const check = (shape: Omit<Shape, 'opset'>): Promise<void> =>
    checkOperator(attention({ ...shape, opset }));

  it('with inputs of rank 4', () => check({}));
  it('with inputs of rank 3', () => check({ isFlat: true }));
  it('with keys of another length', () => check({ keyLength: 5 }));
  it('with values of another size', () => check({ valueSize: 3 }));
  it('with values of another size, rank 3', () => check({ valueSize: 3, isFlat: true }));
  it('with shared key heads', () => check({ heads: 4, keyHeads: 2 }));
  it('with shared key heads, rank 3', () => check({ heads: 4, keyHeads: 2, isFlat: true }));
  it('causal', () => check({ length: 4, attributes: { is_causal: 1 } }));
  it('causal with more keys than queries', () =>
    check({ length: 2, keyLength: 4, attributes: { is_causal: 1 } }));
  it('causal after a past', () => check({ past: 2, attributes: { is_causal: 1 } }));
  it('with a past, rank 3', () => check({ past: 2, isFlat: true }));
  it('with a given scale', () => check({ attributes: { scale: { float: 0.3 } } }));
  it('with soft-capping', () => check({ attributes: { softcap: { float: 0.5 } } }));

  it.each([[[3, 3]], [[2, 3, 3]], [[1, 2, 3, 3]], [[2, 1, 3, 3]], [[2, 2, 3, 3]], [[1, 1, 3, 3]]])(
    'with a mask of numbers of shape %j',
    (dims) => check({ mask: floats(6, dims) }),
  );
  it('with a mask of booleans', () =>
    check({ mask: booleans([3, 3], [1, 0, 0, 1, 1, 0, 1, 1, 1]) }));
  it('with a mask of booleans for each row', () =>
    check({
      mask: booleans([2, 1, 3, 3], [1, 0, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 0, 1]),
    }));
  it('with a mask of booleans, causal', () =>
    check({ mask: booleans([3, 3], [1, 1, 1, 1, 0, 1, 1, 1, 0]), attributes: { is_causal: 1 } }));
  it('with a mask, soft-capping and a past', () =>
    check({ past: 2, mask: floats(6, [3, 5]), attributes: { softcap: { float: 0.7 } } }));
  it('with sizes known at run time only', () => {
    const { inputs, ...rest } = attention({ opset, isFlat: true, past: 2, heads: 4, keyHeads: 2 });
    const shapes = [
      ['b', 's', 16],
      ['b', 't', 8],
      ['b', 't', 8],
      [],
      ['b', 2, 'p', 4],
      ['b', 2, 'p', 4],
    ];
    return checkOperator({
      ...rest,
      inputs: inputs.map((input, index) =>
        input === undefined ? undefined : { ...input, shape: shapes[index] ?? input.dims },
      ),
    });
  });

  it('refuses the output of scores', () => {
    const model = operatorModel(attention({ opset, outputs: ['y0', '', '', 'y3'] }));
    expect(() => differentiate(model, { outputs: ['y0'], wrt: ['x0'] })).toThrow(
      expect.objectContaining({ code: 'unsupported', node: 'tested' }),
    );
  });
});

it('refuses lengths of padded keys (nonpad_kv_seqlen)', () => {
  const more = [fixed(integers('int64', [2], [3, 2]))];
  const model = operatorModel(attention({ opset: 24, more }));
  expect(() => differentiate(model, { outputs: ['y0'], wrt: ['x0'] })).toThrow(/nonpad_kv_seqlen/);
});

it('needs the numbers of heads for inputs of rank 3', () => {
  const { attributes, ...rest } = attention({ opset: 23, isFlat: true });
  expect(attributes).toBeDefined();
  expect(() => differentiate(operatorModel(rest), { outputs: ['y0'], wrt: ['x0'] })).toThrow(
    /q_num_heads/,
  );
});
