import { describe, expect, test } from 'vitest';
import { attribute } from '../../src/attribute.js';
import { type AttributionMethodName, attributionMethods } from '../../src/methods/index.js';
import type { AttributeOptions } from '../../src/options.js';
import { serializeAttribution } from '../../src/persistence/json.js';
import { expectClose } from '../close.js';
import { type DecoderWeights, decoderModel } from '../models/decoder-model.js';
import { cases, get } from '../reference/cases.js';

const { weights, config } = get<{
  weights: DecoderWeights;
  config: { n_heads: number; eps: number; target: number[] };
}>(cases, 'B_decoder_blocks', 'student');
const shape = { heads: config.n_heads, epsilon: config.eps };
const model = decoderModel(weights, shape);
const input = {
  prompt: weights.X,
  completion: config.target,
  blocks: ['P', 'P', 'R', 'I', 'I', 'T', 'T'],
};
const methods = Object.keys(attributionMethods) as AttributionMethodName[];
const quickly = (method: AttributionMethodName): AttributeOptions => ({
  method,
  steps: 4,
  // Six random coalitions may not determine four scores.
  samples: method === 'kernelShap' ? 2048 : 6,
});

describe.each(methods)('%s', (method) => {
  test('does not depend on how points are batched', async () => {
    const whole = await attribute(model, input, quickly(method));
    const single = await attribute(model, input, { ...quickly(method), maximumBatch: 1 });
    expectClose(single.tokens.scores, whole.tokens.scores, method, 1e-12);
  });

  test('gives the same bytes for the same seed', async () => {
    const explain = async (seed: number): Promise<string> =>
      serializeAttribution(await attribute(model, input, { ...quickly(method), seed }), {
        timings: false,
      });
    expect(await explain(7)).toBe(await explain(7));
  });

  test('does not depend on left padding', async () => {
    // Three rows of rubbish in front, in no block, invisible to attention.
    const rubbish = [
      [9, -9, 9, 9],
      [5, 5, -5, 5],
      [-7, 7, 7, 7],
    ];
    const padded = {
      ...input,
      prompt: [...rubbish, ...weights.X],
      blocks: [null, null, null, ...input.blocks],
    };
    const plain = await attribute(model, input, { ...quickly(method), ...frozen(method, 0) });
    const shifted = await attribute(decoderModel(weights, { ...shape, padding: 3 }), padded, {
      ...quickly(method),
      ...frozen(method, 3),
    });
    expectClose(
      shifted.blocks.map(({ score }) => score),
      plain.blocks.map(({ score }) => score),
      method,
      1e-6,
    );
  });
});

test('another seed gives other draws', async () => {
  const explain = async (seed: number): Promise<readonly number[]> =>
    (await attribute(model, input, { method: 'smoothGrad', samples: 3, seed })).tokens.scores;
  expect(await explain(1)).not.toEqual(await explain(2));
});

/** Draws that depend on the number of tokens are given, padded with zeros. */
function frozen(method: AttributionMethodName, padding: number): object {
  if (!/^(smooth|var|gradientShap)/.test(method))
    return method === 'guidedIntegratedGradients' ? { maximumDistance: 0 } : {};
  const width = 4;
  const noise = [1, 2, 3].map((sample) => [
    ...Array<number>(padding * width).fill(0),
    ...Array.from({ length: 7 * width }, (_, at) => 0.1 * Math.sin(sample * (at + 1))),
  ]);
  return method === 'gradientShap' ? { alphas: [0.2, 0.5, 0.9], noise } : { noise };
}
