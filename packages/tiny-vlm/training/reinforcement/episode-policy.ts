import type { Policy, PolicySample } from '@iapo/rl-core';
import type { SmallChartTask } from '../../src/index.js';
import { makeBatch, type TrainingBatch } from '../data/batch.js';
import { type Episode, playEpisodes } from '../episodes/play-episodes.js';
import type { TrainableModel } from '../model/trainable-model.js';
import type { Sampler } from '../sampling/sampler.js';
import type { Tokenizer } from '../text/tokenizer.js';

/** The tiny models as rl-core's trainer needs a policy: samples are whole episodes of two turns. */
export function episodePolicy({
  model,
  sampler,
  tokenizer,
}: {
  readonly model: TrainableModel;
  readonly sampler: Sampler;
  readonly tokenizer: Tokenizer;
}): Policy<SmallChartTask, Episode> {
  const batchOf = (episodes: readonly Episode[]): TrainingBatch =>
    makeBatch(
      tokenizer,
      episodes.map(({ ids, isSampled, images }) => ({ ids, images, isTarget: isSampled })),
    );
  return {
    async sample(tasks, { seeds, greedy }) {
      const asked = tasks.flatMap((task, index) =>
        (seeds[index] ?? []).map((seed) => ({ task, seed })),
      );
      const episodes = await playEpisodes(
        { sampler, tokenizer },
        asked.map(({ task }) => task),
        { temperature: greedy ? 0 : 1, seeds: asked.map(({ seed }) => seed) },
      );
      let from = 0;
      return tasks.map((_, index) => {
        const count = seeds[index]?.length ?? 0;
        const group = episodes.slice(from, from + count);
        from += count;
        return group.map(toSample);
      });
    },
    async logprobs(episodes) {
      const batch = batchOf(episodes);
      const scores = await model.logprobs(batch);
      let next = 0;
      return episodes.map((episode) => ({
        // Tool results are not scored: the trainer masks them.
        logprobs: completionOf(episode).map((isSampled) => (isSampled ? (scores[next++] ?? 0) : 0)),
      }));
    },
    async backward(episodes, cotangents) {
      const batch = batchOf(episodes);
      const scored = episodes.flatMap((episode, row) =>
        completionOf(episode).flatMap((isSampled, at) =>
          isSampled ? [cotangents[row]?.[at] ?? 0] : [],
        ),
      );
      const { gradients } = await model.gradients(batch, Float32Array.from(scored));
      return gradients;
    },
    parameters: () => model.weights.arrays,
  };
}

function completionOf({ isSampled, promptLength }: Episode): readonly boolean[] {
  return isSampled.slice(promptLength);
}

function toSample(episode: Episode): PolicySample<Episode> {
  const completion = completionOf(episode);
  return {
    sequence: episode,
    length: completion.length,
    toolMask: completion.map((isSampled) => (isSampled ? 1 : 0)),
    isTruncated: episode.isTruncated,
  };
}
