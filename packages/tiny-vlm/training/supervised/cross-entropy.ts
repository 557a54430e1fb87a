import { GradientAccumulator, type NamedArrays } from '@iapo/rl-core';
import { makeBatch } from '../data/batch.js';
import type { TrainingExample } from '../data/example.js';
import type { TrainableModel } from '../model/trainable-model.js';
import type { Tokenizer } from '../text/tokenizer.js';

/** Mean of −log p over the scored tokens of all buckets, in nats, and its gradient. */
export async function crossEntropy(
  { model, tokenizer }: { readonly model: TrainableModel; readonly tokenizer: Tokenizer },
  buckets: readonly (readonly TrainingExample[])[],
): Promise<{ readonly loss: number; readonly gradients: NamedArrays }> {
  const batches = buckets.map((examples) => makeBatch(tokenizer, examples));
  const scored = batches.reduce((sum, batch) => sum + batch.scored, 0);
  const total = new GradientAccumulator();
  let loss = 0;
  let only: NamedArrays = {};
  for (let start = 0; start < batches.length; start += model.workers) {
    // Neighbors are of like length, so no worker waits long; sums are taken in the order of the buckets.
    const results = await Promise.all(
      batches.slice(start, start + model.workers).map((batch, worker) => {
        const cotangents = new Float32Array(batch.scored).fill(-1 / scored);
        return model.gradients(batch, cotangents, worker);
      }),
    );
    for (const { logprobs, gradients } of results) {
      loss -= logprobs.reduce((sum, value) => sum + value, 0) / scored;
      if (batches.length > 1) total.add(gradients);
      else only = gradients;
    }
  }
  return { loss, gradients: batches.length > 1 ? total.take() : only };
}

/** Parts of equal size, from the shortest examples to the longest; one part keeps the order. */
export function cutByLength(
  examples: readonly TrainingExample[],
  parts: number,
): TrainingExample[][] {
  if (parts === 1) return [[...examples]];
  const sorted = [...examples].sort((a, b) => a.ids.length - b.ids.length);
  const size = Math.ceil(sorted.length / parts);
  return Array.from({ length: parts }, (_, part) =>
    sorted.slice(part * size, (part + 1) * size),
  ).filter((bucket) => bucket.length > 0);
}
