import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@iapo/rl-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBatch } from '../training/data/batch.js';
import { Demonstrations } from '../training/data/demonstrations.js';
import type { TrainingExample } from '../training/data/example.js';
import { toPatches } from '../training/data/pixels.js';
import { architectures } from '../training/model/architecture.js';
import { TrainableModel } from '../training/model/trainable-model.js';
import { writeModelFolder } from '../training/model/write-model.js';
import { episodeLogits } from '../training/sampling/episode-logits.js';
import { type SamplingModel, shippedModel } from '../training/sampling/sampling-model.js';
import { crossEntropy, cutByLength } from '../training/supervised/cross-entropy.js';
import { makeTokenizer } from '../training/text/vocabulary.js';

const tokenizer = makeTokenizer();
const folder = mkdtempSync(join(tmpdir(), 'tiny-vlm-graph-'));
let model: TrainableModel;
let shipped: SamplingModel;
let examples: TrainingExample[];

beforeAll(async () => {
  const architecture = architectures.miniature;
  model = await TrainableModel.create(architecture, tokenizer.size, { seed: 11 });
  // Biases and norms that are not 0 and 1, so that a mistake with them shows.
  const random = seededRandom(4);
  for (const values of Object.values(model.weights.arrays)) {
    for (let at = 0; at < values.length; at++)
      values[at] = values[at]! + 0.2 * (random.uniform() - 0.5);
  }
  writeModelFolder(folder, architecture, { tokenizer, weights: model.weights });
  shipped = await shippedModel(folder);
  const demonstrations = new Demonstrations(tokenizer, 'graph');
  const mixture = { questions: 0.3, readsAll: 0.5, rightCalls: 0.5, withoutTools: 0.2 };
  examples = await Promise.all(
    [0, 1, 2, 3, 4, 5].map((index) => demonstrations.example(index, mixture)),
  );
}, 60_000);

afterAll(async () => {
  await Promise.all([model.dispose(), shipped.dispose()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Log-probabilities of an example's targets by the three files that are shipped. */
async function shippedLogprobs({ ids, isTarget, images }: TrainingExample): Promise<number[]> {
  const patched = images.map(toPatches);
  const pixels = Float32Array.from(patched.flatMap((picture) => [...picture.pixels]));
  const grid = BigInt64Array.from(patched.flatMap((picture) => picture.grid.map(BigInt)));
  const logits = await episodeLogits(shipped, { ids, pixels, grid });
  return ids.flatMap((id, at) => {
    if (at === 0 || isTarget[at] !== true) return [];
    const row = logits.subarray((at - 1) * tokenizer.size, at * tokenizer.size);
    const largest = Math.max(...row);
    const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0);
    return [row[id]! - largest - Math.log(sum)];
  });
}

describe('the training graph', () => {
  it('computes what the three shipped files compute, padding and second pictures included', async () => {
    expect(new Set(examples.map(({ images }) => images.length))).toEqual(new Set([1, 2]));
    const batch = makeBatch(tokenizer, examples);
    const ours = await model.logprobs(batch);
    const theirs = (await Promise.all(examples.map(shippedLogprobs))).flat();
    expect(theirs).toHaveLength(ours.length);
    const worst = Math.max(...theirs.map((value, at) => Math.abs(value - ours[at]!)));
    // float32 sums of two graphs.
    expect(worst).toBeLessThan(1e-4);
    expect(Math.max(...ours) - Math.min(...ours)).toBeGreaterThan(1);
  });

  it('gives the same gradient for a batch that is cut by length, but for rounding', async () => {
    const parts = { model, tokenizer };
    const whole = await crossEntropy(parts, cutByLength(examples, 1));
    const buckets = cutByLength(examples, 4);
    const lengths = buckets.map((bucket) => bucket.map(({ ids }) => ids.length));
    expect(lengths.flat()).toEqual(examples.map(({ ids }) => ids.length).sort((a, b) => a - b));
    expect(buckets.length).toBeGreaterThan(2);
    const cut = await crossEntropy(parts, buckets);
    expect(Math.abs(cut.loss - whole.loss)).toBeLessThan(1e-5);
    for (const [name, values] of Object.entries(whole.gradients)) {
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const worst = values.reduce(
        (most, value, at) => Math.max(most, Math.abs(value - (cut.gradients[name]?.[at] ?? 0))),
        0,
      );
      expect(worst, name).toBeLessThan(1e-4 * largest + 1e-6);
    }
  });

  it('gives the same bits in two threads as in one', async () => {
    const options = { seed: 11, threads: 1 };
    const one = await TrainableModel.create(architectures.miniature, tokenizer.size, options);
    const two = await TrainableModel.create(architectures.miniature, tokenizer.size, {
      ...options,
      workers: 2,
    });
    try {
      const buckets = cutByLength(examples, 4);
      const expected = await crossEntropy({ model: one, tokenizer }, buckets);
      expect(await crossEntropy({ model: two, tokenizer }, buckets)).toEqual(expected);
    } finally {
      await Promise.all([one.dispose(), two.dispose()]);
    }
  });

  it('has the gradient that central differences show, for every weight', async () => {
    const batch = makeBatch(tokenizer, examples.slice(0, 3));
    const random = seededRandom(9);
    const cotangents = Float32Array.from({ length: batch.scored }, () => random.uniform() - 0.5);
    const { gradients } = await model.gradients(batch, cotangents);
    const value = async (): Promise<number> =>
      (await model.logprobs(batch)).reduce(
        (sum, logprob, at) => sum + logprob * cotangents[at]!,
        0,
      );
    for (const [name, values] of Object.entries(model.weights.arrays)) {
      const gradient = gradients[name]!;
      const before = values.slice();
      const norm = Math.sqrt(gradient.reduce((sum, part) => sum + part * part, 0));
      // Along the gradient the slope is its norm.
      expect(norm).toBeGreaterThan(1e-4);
      const length = 3e-2;
      const move = (sign: number): void => {
        for (let at = 0; at < values.length; at++) {
          values[at] = before[at]! + (sign * length * gradient[at]!) / norm;
        }
      };
      move(1);
      const above = await value();
      move(-1);
      const below = await value();
      values.set(before);
      const slope = (above - below) / (2 * length);
      // Rounding of float32 log-probabilities, and the curve over the step.
      expect(Math.abs(slope - norm), name).toBeLessThan(0.03 * norm + 2e-4);
    }
  });
});
