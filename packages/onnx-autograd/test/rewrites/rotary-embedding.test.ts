import { describe, expect, it } from 'vitest';
import { differentiate } from '../../src/index.js';
import {
  checkAffine,
  checkOperator,
  fixed,
  floats,
  integers,
  type OperatorCase,
  type OperatorInput,
  operatorModel,
} from '../support/operator-check.js';

/** Cosines and sines of `[positions, half]`, or of another shape. */
function caches(dims: readonly number[]): OperatorInput[] {
  const angles = floats(20, dims, 3).values;
  return [Math.cos, Math.sin].map((turn) => ({
    type: 'float32',
    dims,
    values: [...Float32Array.from(angles.map((angle) => turn(angle)))],
    isFixed: true,
  }));
}

const positions = integers('int64', [2, 3], [4, 0, 2, 1, 5, 3]);

describe('RotaryEmbedding of com.microsoft', () => {
  const embed = (
    x: OperatorInput,
    at: OperatorInput,
    half: number,
    attributes: OperatorCase['attributes'] = {},
  ): Promise<void> =>
    checkOperator({
      operator: 'RotaryEmbedding',
      domain: 'com.microsoft',
      attributes,
      inputs: [x, at, ...caches([8, half])],
    });

  it('rank 3', () => embed(floats(1, [2, 3, 16]), positions, 4));
  it('rank 4', () => embed(floats(1, [2, 2, 3, 8]), positions, 4));
  it('interleaved', () => embed(floats(1, [2, 3, 16]), positions, 4, { interleaved: 1 }));
  it('with a first position', () => embed(floats(1, [2, 3, 16]), integers('int64', [1], [2]), 4));
  it('of a part of each head, rank 3', () =>
    embed(floats(1, [2, 3, 16]), positions, 2, { rotary_embedding_dim: 4, num_heads: 2 }));
  it('of a part of each head, rank 4, interleaved', () =>
    embed(floats(1, [2, 2, 3, 8]), positions, 2, {
      rotary_embedding_dim: 4,
      num_heads: 2,
      interleaved: 1,
    }));
  it('with sizes known at run time only', () =>
    embed({ ...floats(1, [2, 3, 16]), shape: ['b', 's', 16] }, positions, 4));
});

describe('RotaryEmbedding of ai.onnx', () => {
  const embed = (
    x: OperatorInput,
    rest: readonly OperatorInput[],
    attributes: OperatorCase['attributes'] = {},
  ): Promise<void> =>
    checkOperator({ operator: 'RotaryEmbedding', opset: 23, attributes, inputs: [x, ...rest] });

  it('rank 4, with positions', () =>
    embed(floats(1, [2, 2, 3, 8]), [...caches([8, 4]), positions]));
  it('rank 4, without positions', () => embed(floats(1, [2, 2, 3, 8]), caches([2, 3, 4])));
  it('rank 3, with positions', () =>
    embed(floats(1, [2, 3, 16]), [...caches([8, 4]), positions], { num_heads: 2 }));
  it('rank 3, interleaved, without positions', () =>
    embed(floats(1, [2, 3, 16]), caches([2, 3, 4]), { num_heads: 2, interleaved: 1 }));
  it('of a part of each head', () =>
    embed(floats(1, [2, 2, 3, 8]), [...caches([8, 2]), positions], { rotary_embedding_dim: 4 }));
});

describe('MRotaryEmbedding', () => {
  const planes = integers(
    'int64',
    [3, 2, 3],
    [...positions.values, 7, 6, 5, 0, 1, 2, 3, 3, 3, 4, 2, 6],
  );
  const embed = (
    x: OperatorInput,
    attributes: OperatorCase['attributes'],
    half = 4,
  ): Promise<void> =>
    checkAffine({
      operator: 'MRotaryEmbedding',
      domain: 'com.microsoft',
      attributes,
      inputs: [x, planes, ...caches([8, half])],
    });

  it('rank 3, in sections', () =>
    embed(floats(1, [2, 3, 16]), { mrope_section: [2, 1, 1], num_heads: 2 }));
  it('rank 4, in sections', () => embed(floats(1, [2, 2, 3, 8]), { mrope_section: [2, 1, 1] }));
  it('rank 4, interleaved sections', () =>
    embed(floats(1, [2, 2, 3, 8]), { mrope_section: [2, 1, 1], mrope_layout: 1 }));
  it('rank 4, interleaved pairs', () =>
    embed(floats(1, [2, 2, 3, 8]), { mrope_section: [2, 1, 1], interleaved: 1 }));
  it('of a part of each head', () =>
    embed(
      floats(1, [2, 2, 3, 8]),
      { mrope_section: [1, 1, 0], rotary_embedding_dim: 4, num_heads: 2 },
      2,
    ));
});

it.each([
  ['com.microsoft', 'RotaryEmbedding', 2, [floats(1, [2, 3, 16]), positions, ...caches([8, 4])]],
  ['', 'RotaryEmbedding', 1, [floats(1, [2, 2, 3, 8]), ...caches([8, 4]), positions]],
] as const)('%s.%s refuses to reach its cosines', (domain, operator, index, inputs) => {
  const model = operatorModel({ domain, operator, opset: 23, inputs: inputs.map(fixed) });
  const attempt = (): unknown => differentiate(model, { outputs: ['y0'], wrt: [`x${index}`] });
  expect(attempt).toThrow(expect.objectContaining({ code: 'unsupported', node: 'tested' }));
  expect(attempt).toThrow(/cosines/);
});
