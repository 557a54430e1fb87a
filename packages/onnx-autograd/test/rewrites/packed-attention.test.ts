import { describe, expect, it } from 'vitest';
import { differentiate } from '../../src/index.js';
import { feed, largestDifference, runOnce, seededSingles } from '../support/made-model.js';
import {
  checkOperator,
  constant,
  feedsOf,
  fixed,
  floats,
  integers,
  type OperatorCase,
  type OperatorInput,
  operatorModel,
} from '../support/operator-check.js';

interface Shape {
  readonly length?: number;
  /** Widths of query, key and value. */
  readonly sizes?: readonly [number, number, number];
  readonly bias?: boolean;
  readonly mask?: OperatorInput;
  readonly past?: number;
  readonly attentionBias?: OperatorInput;
  readonly attributes?: OperatorCase['attributes'];
}

function attention(shape: Shape): OperatorCase {
  const { length = 3, sizes = [8, 8, 8], past, bias = true } = shape;
  const width = sizes[0] + sizes[1] + sizes[2];
  return {
    operator: 'Attention',
    domain: 'com.microsoft',
    attributes: {
      num_heads: 2,
      ...(shape.sizes === undefined ? {} : { qkv_hidden_sizes: sizes }),
      ...shape.attributes,
    },
    inputs: [
      floats(1, [2, length, 6]),
      floats(2, [6, width]),
      bias ? floats(3, [width]) : undefined,
      shape.mask,
      past === undefined ? undefined : floats(4, [2, 2, 2, past, sizes[0] / 2]),
      shape.attentionBias,
    ],
    outputs: past === undefined ? ['y0'] : ['y0', 'y1'],
  };
}

const check = (shape: Shape): Promise<void> => checkOperator(attention(shape));
const marks = (dims: readonly number[], values: readonly number[]): OperatorInput =>
  integers('int32', dims, values);

describe('Attention of com.microsoft against its own kernel and central differences', () => {
  it('with a bias', () => check({}));
  it('without a bias, for which the kernel of 1.30 crashes: as with one of zeros', async () => {
    const bare = attention({ bias: false });
    const [input, weights] = bare.inputs;
    const zeros = constant(integers('float32', [24], new Array<number>(24).fill(0)));
    const expected = await runOnce(
      operatorModel({ ...bare, inputs: [input, weights, zeros] }),
      feedsOf(bare),
    );
    const derived = differentiate(operatorModel(bare), { outputs: ['y0'], wrt: ['x0'] });
    const cotangent = feed('float32', [2, 3, 8], seededSingles(9, [2, 3, 8]));
    const actual = await runOnce(derived, { ...feedsOf(bare), 'cotangent.y0': cotangent });
    expect(largestDifference(actual.y0 ?? [], expected.y0 ?? [])).toBeLessThanOrEqual(1e-5);
  });
  it('with a causal mask', () => check({ length: 4, attributes: { unidirectional: 1 } }));
  it('with values of another size', () => check({ sizes: [8, 8, 12] }));
  it('with a given scale', () => check({ attributes: { scale: { float: 0.4 } } }));
  it('with a past', () => check({ past: 2 }));
  it('with a past and a causal mask', () => check({ past: 2, attributes: { unidirectional: 1 } }));
  it('with lengths as mask', () => check({ mask: marks([2], [3, 2]) }));
  it('with ends and starts as mask', () => check({ mask: marks([4], [3, 2, 1, 0]) }));
  it('with lengths and running sums as mask', () =>
    check({ mask: marks([8], [3, 2, 0, 3, 5, 0, 3, 6]) }));
  it('with marks of keys as mask', () => check({ mask: marks([2, 3], [1, 1, 0, 0, 1, 1]) }));
  it('with marks of pairs as mask and a causal mask', () =>
    check({
      mask: marks([2, 3, 3], [1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1]),
      attributes: { unidirectional: 1, mask_filter_value: { float: -5 } },
    }));
  it('with marks of keys and a causal mask', () =>
    check({ mask: marks([2, 3], [1, 1, 0, 0, 1, 1]), attributes: { unidirectional: 1 } }));
  it('with marks of the past as well', () =>
    check({ past: 2, mask: marks([2, 5], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1]) }));
  it.each([[[1, 1, 3, 3]], [[2, 2, 3, 3]]])('with an attention bias of shape %j', (dims) =>
    check({ attentionBias: floats(5, dims) }),
  );
});

describe('what Attention of com.microsoft refuses', () => {
  const refuses = (test: OperatorCase, problem: RegExp): void => {
    const attempt = (): unknown =>
      differentiate(operatorModel(test), { outputs: ['y0'], wrt: ['x0'] });
    expect(attempt).toThrow(expect.objectContaining({ code: 'unsupported', node: 'tested' }));
    expect(attempt).toThrow(problem);
  };
  it('rotary positions', () => refuses(attention({ attributes: { do_rotary: 1 } }), /do_rotary/));
  it('a shared past buffer', () =>
    refuses(attention({ past: 2, attributes: { past_present_share_buffer: 1 } }), /shared past/));
  it('a mask of rank 4', () =>
    refuses(
      attention({ mask: fixed(marks([2, 1, 3, 3], new Array<number>(18).fill(1))) }),
      /rank 4/,
    ));
});
