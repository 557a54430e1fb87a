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
  readonly batch?: number;
  readonly length?: number;
  readonly keyLength?: number;
  readonly heads?: number;
  readonly size?: number;
  readonly valueSize?: number;
  readonly bias?: boolean;
  readonly mask?: OperatorInput;
  readonly attentionBias?: OperatorInput;
  readonly past?: number;
  readonly attributes?: OperatorCase['attributes'];
  readonly outputs?: readonly string[];
}

function attention(shape: Shape): OperatorCase {
  const { batch = 2, length = 3, heads = 2, size = 4, past } = shape;
  const { keyLength = length, valueSize = size } = shape;
  const widths = [size, size, valueSize].map((each) => each * heads);
  const pastInputs =
    past === undefined
      ? [undefined, undefined]
      : [floats(6, [batch, heads, past, size]), floats(7, [batch, heads, past, valueSize])];
  return {
    operator: 'MultiHeadAttention',
    domain: 'com.microsoft',
    attributes: { num_heads: heads, ...shape.attributes },
    inputs: [
      floats(1, [batch, length, widths[0] ?? 0]),
      floats(2, [batch, keyLength, widths[1] ?? 0]),
      floats(3, [batch, keyLength, widths[2] ?? 0]),
      shape.bias === true ? floats(4, [widths.reduce((sum, width) => sum + width, 0)]) : undefined,
      shape.mask,
      shape.attentionBias,
      ...pastInputs,
    ],
    outputs: shape.outputs ?? (past === undefined ? ['y0'] : ['y0', 'y1', 'y2']),
  };
}

const check = (shape: Shape): Promise<void> => checkOperator(attention(shape));
const marks = (dims: readonly number[], values: readonly number[]): OperatorInput =>
  integers('int32', dims, values);

describe('MultiHeadAttention against its own kernel and central differences', () => {
  it('with separate query, key and value', () => check({}));
  it('with keys of another length', () => check({ keyLength: 5 }));
  it('with values of another size', () => check({ valueSize: 3 }));
  it('with a bias', () => check({ bias: true }));
  it('with a bias and values of another size', () => check({ bias: true, valueSize: 3 }));
  it('with a given scale', () => check({ attributes: { scale: { float: 0.3 } } }));
  it('with a causal mask', () => check({ length: 4, attributes: { unidirectional: 1 } }));
  it('with a past', () => check({ past: 2 }));
  it('with a past, a bias and a causal mask', () =>
    check({ past: 2, bias: true, attributes: { unidirectional: 1 } }));
  it('with presents but no past', () => check({ outputs: ['y0', 'y1', 'y2'] }));

  it('with the lengths of rows as mask', () => check({ mask: marks([2], [3, 1]) }));
  it('with ends and starts of rows as mask', () =>
    check({ mask: marks([8], [3, 2, 0, 3, 5, 0, 3, 6]) }));
  it('with marks of keys as mask', () => check({ mask: marks([2, 3], [1, 1, 0, 0, 1, 1]) }));
  it('with marks of keys and of the past as mask', () =>
    check({ past: 2, mask: marks([2, 5], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1]) }));
  it('with marks of pairs as mask', () =>
    check({ mask: marks([2, 3, 3], [1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1]) }));
  it('with a row in which every key is masked', () =>
    // The usual −10000 leaves three digits of such a row in single precision.
    check({
      mask: marks([2, 3], [1, 1, 0, 0, 0, 0]),
      attributes: { mask_filter_value: { float: -20 } },
    }));
  it('with marks of keys and a causal mask', () =>
    check({ mask: marks([2, 3], [1, 1, 0, 0, 1, 1]), attributes: { unidirectional: 1 } }));
  it('with another value for masked scores', () =>
    check({
      mask: marks([2, 3], [1, 1, 0, 0, 1, 1]),
      attributes: { mask_filter_value: { float: -2 } },
    }));

  it.each([[[1, 1, 3, 3]], [[2, 1, 3, 3]], [[1, 2, 3, 3]], [[2, 2, 3, 3]]])(
    'with an attention bias of shape %j',
    (dims) => check({ attentionBias: floats(8, dims) }),
  );
  it('with an attention bias, marks of keys and a past', () =>
    check({
      past: 2,
      mask: marks([2, 5], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1]),
      attentionBias: floats(8, [2, 2, 3, 5]),
    }));
  it('with keys and values split into heads already', () => {
    const { inputs, ...rest } = attention({ keyLength: 5 });
    const heads = [floats(2, [2, 2, 5, 4]), floats(3, [2, 2, 5, 4])];
    return checkOperator({ ...rest, inputs: [inputs[0], ...heads] });
  });
  it('with keys and values split into heads, and a bias of the query', () => {
    const { inputs, ...rest } = attention({ keyLength: 5 });
    const heads = [floats(2, [2, 2, 5, 4]), floats(3, [2, 2, 5, 4])];
    return checkOperator({ ...rest, inputs: [inputs[0], ...heads, floats(4, [24])] });
  });
  it('with sizes known at run time only', () => {
    const { inputs, ...rest } = attention({ past: 2, bias: true });
    const shapes = [
      ['b', 's', 8],
      ['b', 's', 8],
      ['b', 's', 8],
      [24],
      [],
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
});

describe('what MultiHeadAttention refuses', () => {
  const refuses = (test: OperatorCase, problem: RegExp): void => {
    const attempt = (): unknown =>
      differentiate(operatorModel(test), { outputs: ['y0'], wrt: ['x0'] });
    expect(attempt).toThrow(expect.objectContaining({ code: 'unsupported', node: 'tested' }));
    expect(attempt).toThrow(problem);
  };
  const base = attention({});
  it('packed query, key and value', () =>
    refuses({ ...base, inputs: [floats(1, [2, 3, 2, 3, 4])] }, /packed/));
  it('packed key and value', () =>
    refuses({ ...base, inputs: [floats(1, [2, 3, 8]), floats(2, [2, 3, 2, 2, 4])] }, /packed/));
  it('a shared past buffer', () =>
    refuses(
      {
        ...attention({ past: 2 }),
        inputs: [...attention({ past: 2 }).inputs, fixed(integers('int32', [1], [2]))],
      },
      /past_sequence_length/,
    ));
  it('beam indirection', () =>
    refuses(
      {
        ...base,
        inputs: [
          ...base.inputs,
          undefined,
          fixed(integers('int32', [2, 1, 3], new Array<number>(6).fill(0))),
        ],
      },
      /beam/,
    ));
  it('the output of scores', () => refuses({ ...base, outputs: ['y0', '', '', 'y3'] }, /scores/));
});
