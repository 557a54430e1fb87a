import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SmallCharts } from '../src/index.js';
import { playEpisodes } from '../training/episodes/play-episodes.js';
import { architectures } from '../training/model/architecture.js';
import { TrainableModel } from '../training/model/trainable-model.js';
import { episodePolicy } from '../training/reinforcement/episode-policy.js';
import { Sampler } from '../training/sampling/sampler.js';
import { liveModel } from '../training/sampling/sampling-model.js';
import { specialTokens } from '../training/text/special-tokens.js';
import { makeTokenizer } from '../training/text/vocabulary.js';

const tokenizer = makeTokenizer();
const tasks = new SmallCharts({ seed: 'sampling' }).tasks(12);
let model: TrainableModel;
let sampler: Sampler;

beforeAll(async () => {
  model = await TrainableModel.create(architectures.miniature, tokenizer.size, { seed: 2 });
  sampler = new Sampler(await liveModel(model), tokenizer);
}, 60_000);

afterAll(async () => {
  await Promise.all([model.dispose(), sampler.dispose()]);
});

describe('sampling', () => {
  const seeds = tasks.map((_, index) => index);

  it('draws the same from the same seeds, alone or in a batch of other lengths', async () => {
    const parts = { sampler, tokenizer };
    const all = await playEpisodes(parts, tasks, { temperature: 1, seeds });
    const [alone] = await playEpisodes(parts, tasks.slice(3, 4), { temperature: 1, seeds: [3] });
    expect(alone?.ids).toEqual(all[3]?.ids);
    const others = await playEpisodes(parts, tasks, {
      temperature: 1,
      seeds: seeds.map((s) => s + 50),
    });
    expect(others.map(({ callText }) => callText)).not.toEqual(all.map(({ callText }) => callText));
  });

  it('never samples a placeholder or another special token', async () => {
    // Untrained logits are nearly even: 17 of 404 tokens would come about once a turn of 24.
    const episodes = await playEpisodes({ sampler, tokenizer }, tasks, { temperature: 1, seeds });
    const allowed = ['<|im_end|>', '<tool_call>', '</tool_call>'] as const;
    const forbidden = specialTokens.filter((token) => !allowed.some((other) => other === token));
    const sampled = episodes.flatMap(({ ids, isSampled }) => ids.filter((_, at) => isSampled[at]));
    expect(sampled.length).toBeGreaterThan(150);
    for (const token of forbidden) expect(sampled).not.toContain(tokenizer.idOf(token));
  });

  it('follows the weights, and takes the tokens that the training graph finds most probable', async () => {
    const policy = episodePolicy({ model, sampler, tokenizer });
    const options = { seeds: tasks.map(() => [0]), greedy: true, signal: undefined };
    const greedy = (await policy.sample(tasks, options)).flat();
    const sampled = (await policy.sample(tasks, { ...options, greedy: false })).flat();
    const mean = async (samples: typeof greedy): Promise<number> => {
      const scores = await policy.logprobs(
        samples.map(({ sequence }) => sequence),
        { entropy: false, signal: undefined },
      );
      const kept = scores.flatMap(({ logprobs }, row) =>
        Array.from(logprobs).filter((_, at) => samples[row]?.toolMask?.[at] === 1),
      );
      expect(kept.every((value) => value < 0)).toBe(true);
      return kept.reduce((sum, value) => sum + value, 0) / kept.length;
    };
    expect(await mean(greedy)).toBeGreaterThan((await mean(sampled)) + 1);
    for (const { sequence, length, toolMask } of greedy) {
      expect(length).toBe(sequence.ids.length - sequence.promptLength);
      expect(toolMask).toHaveLength(length);
    }
    // Weights that change are seen without a new session.
    const table = model.weights.arrays['model.embed_tokens.weight']!;
    const before = table.slice();
    const answer = tokenizer.encode('7')[0]!;
    const end = tokenizer.idOf('<|im_end|>');
    const { hidden } = architectures.miniature;
    table.copyWithin(end * hidden, answer * hidden, (answer + 1) * hidden);
    const changed = (await policy.sample(tasks, options)).flat();
    expect(changed.map(({ sequence }) => sequence.ids)).not.toEqual(
      greedy.map(({ sequence }) => sequence.ids),
    );
    table.set(before);
  });
});
