import { describe, expect, it } from 'vitest';
import { makeTensor } from '../../src/codec/tensor-values.js';
import { differentiate } from '../../src/index.js';
import {
  feed,
  largest,
  largestDifference,
  makeModel,
  runOnce,
  seededSingles,
} from '../support/made-model.js';
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
  readonly batch?: number;
  readonly length?: number;
  readonly past?: number;
  readonly heads?: number;
  readonly keyHeads?: number;
  readonly size?: number;
  readonly isPacked?: boolean;
  /** Real tokens of each row, past included. Default: all. */
  readonly lengths?: readonly number[];
  /** Length of the longest row. Default: past and new tokens together. */
  readonly total?: number;
  readonly attributes?: OperatorCase['attributes'];
  /** Inputs from 7 on: caches, positions, bias, sink. */
  readonly more?: readonly (OperatorInput | undefined)[];
  readonly outputs?: readonly string[];
  readonly checked?: readonly string[];
}

/** A GroupQueryAttention node with a past (of length 0 or more) or without. */
function attention(shape: Shape): OperatorCase {
  const {
    batch = 1,
    length = 3,
    past,
    heads = 4,
    keyHeads = 2,
    size = 8,
    isPacked = false,
  } = shape;
  const total = length + (past ?? 0);
  const rows = [batch, length];
  const pastShape = [batch, keyHeads, past ?? 0, size];
  const lengths = shape.lengths ?? new Array<number>(batch).fill(total);
  return {
    operator: 'GroupQueryAttention',
    domain: 'com.microsoft',
    attributes: { num_heads: heads, kv_num_heads: keyHeads, ...shape.attributes },
    inputs: [
      floats(1, [...rows, (isPacked ? heads + 2 * keyHeads : heads) * size]),
      isPacked ? undefined : floats(2, [...rows, keyHeads * size]),
      isPacked ? undefined : floats(3, [...rows, keyHeads * size]),
      past === undefined ? undefined : { ...floats(4, pastShape), isFixed: past === 0 },
      past === undefined ? undefined : { ...floats(5, pastShape), isFixed: past === 0 },
      integers(
        'int32',
        [batch],
        lengths.map((real) => real - 1),
      ),
      constant(integers('int32', [], [shape.total ?? total])),
      ...(shape.more ?? []),
    ],
    outputs: shape.outputs ?? ['y0', 'y1', 'y2'],
    ...(shape.checked === undefined ? {} : { checked: shape.checked }),
    ignores: (output, index) => {
      if ((past ?? 0) > 0) return false;
      const width = output === 'y0' ? heads * size : size;
      const tokens = output === 'y0' ? length : total;
      const row = Math.floor(index / (width * tokens * (output === 'y0' ? 1 : keyHeads)));
      const token = Math.floor(index / width) % tokens;
      return token >= (lengths[row] ?? 0);
    },
  };
}

/** Cosines and sines of `[positions, half]`. */
function caches(positions: number, half: number): OperatorInput[] {
  const angles = Array.from(
    { length: positions * half },
    (_, index) => Math.floor(index / half) / 10 ** ((index % half) / half),
  );
  return [Math.cos, Math.sin].map((turn) =>
    constant({
      type: 'float32',
      dims: [positions, half],
      values: [...Float32Array.from(angles.map((angle) => turn(angle)))],
    }),
  );
}

const check = (shape: Shape): Promise<void> => checkOperator(attention(shape));

describe('GroupQueryAttention against its own kernel and central differences', () => {
  it('without past', () => check({}));
  it('with as many key heads as query heads', () => check({ heads: 2, keyHeads: 2 }));
  it('with one key head', () => check({ keyHeads: 1 }));
  it('with an empty past', () => check({ past: 0 }));
  it('with a past', () => check({ past: 2 }));
  it('with a past and one new token', () => check({ past: 3, length: 1 }));
  it('with packed query, key and value', () => check({ isPacked: true }));
  it('packed with a past', () => check({ isPacked: true, past: 2 }));
  it('with a batch of two', () => check({ batch: 2 }));
  it('with a batch of two, padded on the right', () =>
    check({ batch: 2, length: 4, lengths: [4, 2] }));
  it('padded on the right with an empty past', () =>
    check({ batch: 2, length: 4, past: 0, lengths: [3, 4] }));
  it('with a given scale', () => check({ attributes: { scale: { float: 0.7 } } }));
  it('with soft-capping', () => check({ attributes: { softcap: { float: 0.5 } } }));
  it('with a local window', () => check({ length: 5, attributes: { local_window_size: 2 } }));
  it('with a local window and a past', () =>
    check({ length: 3, past: 3, attributes: { local_window_size: 3 } }));
  it('with a smooth softmax', () => check({ attributes: { smooth_softmax: 1 } }));
  it('without a causal mask', () => check({ attributes: { causal: 0 } }));
  it('without a causal mask, padded on the right', () =>
    check({ batch: 2, length: 4, lengths: [4, 2], attributes: { causal: 0 } }));

  it.each([[[1, 1, 3, 3]], [[1, 4, 3, 3]], [[2, 1, 3, 3]], [[2, 4, 3, 3]]])(
    'with an attention bias of shape %j',
    (dims) => check({ batch: 2, more: [undefined, undefined, undefined, floats(6, dims)] }),
  );
  it('with an attention bias, soft-capping, a window and a past', () =>
    check({
      past: 2,
      attributes: { softcap: { float: 0.8 }, local_window_size: 2 },
      more: [undefined, undefined, undefined, floats(6, [1, 4, 3, 5])],
    }));
  it('with a head sink', () =>
    check({ more: [undefined, undefined, undefined, undefined, floats(6, [4])] }));
  it('with a head sink, a window and soft-capping', () =>
    check({
      attributes: { softcap: { float: 0.8 }, local_window_size: 2 },
      more: [undefined, undefined, undefined, undefined, floats(6, [4])],
    }));

  describe('with rotary positions', () => {
    const attributes = { do_rotary: 1 };
    it('of whole heads', () => check({ size: 16, attributes, more: caches(8, 8) }));
    it('interleaved', () =>
      check({
        size: 16,
        attributes: { ...attributes, rotary_interleaved: 1 },
        more: caches(8, 8),
      }));
    it('of a part of each head', () => check({ size: 32, attributes, more: caches(8, 8) }));
    it('packed', () => check({ size: 16, isPacked: true, attributes, more: caches(8, 8) }));
    it('after a past', () => check({ size: 16, past: 3, attributes, more: caches(8, 8) }));
    it('with one token after a past in two rows', () =>
      check({ batch: 2, size: 16, past: 3, length: 1, attributes, more: caches(8, 8) }));
    it('padded on the right', () =>
      check({ batch: 2, size: 16, length: 4, lengths: [4, 2], attributes, more: caches(8, 8) }));
    it('with the positions of a first prompt', () =>
      check({
        size: 16,
        attributes,
        more: [...caches(16, 8), integers('int64', [1, 3], [2, 7, 4])],
      }));
    it('with the positions of two first prompts', () =>
      check({
        batch: 2,
        size: 16,
        attributes,
        more: [...caches(16, 8), integers('int64', [2, 3], [2, 7, 4, 5, 6, 9])],
      }));
    it('with positions after a past', () =>
      check({
        size: 16,
        past: 2,
        attributes,
        more: [...caches(16, 8), integers('int64', [1, 3], [5, 9, 6])],
      }));
  });

  it.each([0, 2])('with sizes known at run time only, and a past of %d', (past) => {
    const whole = attention({ size: 16, past, attributes: { do_rotary: 1 }, more: caches(8, 8) });
    const rows = ['batch', 'length'];
    const cache = ['batch', 2, 'past', 16];
    const shapes = [[...rows, 64], [...rows, 32], [...rows, 32], cache, cache, ['batch']];
    const inputs = whole.inputs.map((input, index) => {
      const shape = shapes[index];
      return input === undefined || shape === undefined ? input : { ...input, shape };
    });
    return checkOperator({ ...whole, inputs });
  });
  it('with a past that is longer than what is real in it', () =>
    check({ past: 5, length: 2, lengths: [5], total: 5 }));
  it('with one token in two rows with pasts of different lengths', () =>
    check({
      batch: 2,
      past: 4,
      length: 1,
      size: 16,
      lengths: [5, 3],
      attributes: { do_rotary: 1 },
      more: caches(8, 8),
      checked: ['y0'],
    }));
});

describe('GroupQueryAttention in blocks of queries', () => {
  const inBlocks = (shape: Shape, causalBlocks: number): Promise<void> =>
    checkOperator({ ...attention(shape), options: { causalBlocks } });
  it.each([2, 3, 4])('%d blocks of five queries', (blocks) => inBlocks({ length: 5 }, blocks));
  it('more blocks than queries', () => inBlocks({ length: 3 }, 4));
  it('after a past, with a window, soft-capping and a sink', () =>
    inBlocks(
      {
        length: 5,
        past: 3,
        attributes: { local_window_size: 3, softcap: { float: 0.8 } },
        more: [undefined, undefined, undefined, undefined, floats(6, [4])],
      },
      2,
    ));
  it('with an attention bias, which is not cut', () =>
    inBlocks({ length: 4, more: [undefined, undefined, undefined, floats(6, [1, 1, 4, 4])] }, 2));
  it('padded on the right', () => inBlocks({ batch: 2, length: 4, past: 0, lengths: [4, 2] }, 2));
  it('with one token in two rows with pasts of different lengths', () =>
    inBlocks({ batch: 2, past: 4, length: 1, lengths: [5, 3], checked: ['y0'] }, 2));
});

it('normalizes queries and keys by head, which the CPU kernel does not', async () => {
  const weights = [floats(8, [16]), floats(9, [16])];
  const attributes = { do_rotary: 1, qk_norm_epsilon: { float: 1e-5 } };
  const more = [...caches(8, 8), ...new Array<undefined>(5).fill(undefined), ...weights];
  const fused = attention({ size: 16, attributes, more, outputs: ['y0'] });
  const heads = [4, 2];
  const feeds = feedsOf(fused);
  const model = operatorModel(fused);
  // The same in separate nodes: rows of heads, an RMS norm, rows of tokens.
  const written = makeModel({
    inputs: Object.fromEntries(
      model.graph.inputs.map(({ name, type, shape }) => [
        name,
        [type ?? 'float32', shape ?? []] as const,
      ]),
    ),
    initializers: [
      ...model.graph.initializers,
      ...heads.map((count, index) => makeTensor(`split${index}`, 'int64', [4], [0, 0, count, 16])),
      makeTensor('join', 'int64', [3], [0, 0, -1]),
    ],
    nodes: [
      ...heads.flatMap((_, index) => [
        { operator: 'Reshape', inputs: [`x${index}`, `split${index}`], outputs: [`a${index}`] },
        {
          operator: 'SimplifiedLayerNormalization',
          inputs: [`a${index}`, `x${14 + index}`],
          outputs: [`b${index}`],
          attributes: { epsilon: { float: 1e-5 }, axis: -1, stash_type: 1 },
        },
        { operator: 'Reshape', inputs: [`b${index}`, 'join'], outputs: [`c${index}`] },
      ]),
      {
        operator: 'GroupQueryAttention',
        domain: 'com.microsoft',
        inputs: ['c0', 'c1', 'x2', '', '', 'x5', 'x6', 'x7', 'x8'],
        outputs: ['y0'],
        attributes: { num_heads: 4, kv_num_heads: 2, do_rotary: 1 },
      },
    ],
    outputs: { y0: ['float32', undefined] },
  });
  const wrt = ['x0', 'x1', 'x2', 'x14', 'x15'];
  const cotangent = { 'cotangent.y0': feed('float32', [1, 3, 64], seededSingles(50, [1, 3, 64])) };
  const direct = await runOnce(written, feeds);
  const [a, b] = await Promise.all(
    [model, written].map((graph) =>
      runOnce(differentiate(graph, { outputs: ['y0'], wrt }), { ...feeds, ...cotangent }),
    ),
  );
  expect(largestDifference(a?.y0 ?? [], direct.y0 ?? [])).toBeLessThanOrEqual(1e-5);
  for (const name of wrt.map((input) => `gradient.${input}`)) {
    expect(largest(b?.[name] ?? [])).toBeGreaterThan(0.01);
    expect(largestDifference(a?.[name] ?? [], b?.[name] ?? [])).toBeLessThanOrEqual(2e-5);
  }
});

describe('what GroupQueryAttention refuses', () => {
  const wrt = ['x0'];
  const refuses = (shape: Shape, problem: RegExp): void => {
    const model = operatorModel(attention(shape));
    const attempt = (): unknown => differentiate(model, { outputs: ['y0'], wrt });
    expect(attempt).toThrow(expect.objectContaining({ code: 'unsupported', node: 'tested' }));
    expect(attempt).toThrow(problem);
  };
  const missing = new Array<undefined>(5).fill(undefined);
  it('the output of scores', () =>
    refuses({ attributes: { qk_output: 1 }, outputs: ['y0', 'y1', 'y2', 'y3'] }, /scores/));
  it('quantized keys and values', () =>
    refuses({ more: [...missing, fixed(floats(1, [1])), fixed(floats(1, [1]))] }, /quantized/));
  it('a window-sized cache', () =>
    refuses(
      { past: 4, attributes: { sliding_window_cache: 1, local_window_size: 4 } },
      /sliding_window_cache/,
    ));
});
