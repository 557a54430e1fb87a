import { describe, expect, test } from 'vitest';
import { toyAgent, toyTasks } from '../../test/models/toy-agent.js';
import { attributionInput, tokenTexts } from './attribution-input.js';
import { playEpisodes } from './play-episodes.js';

const model = toyAgent('toy', { favorsCalls: 3, readsGray: 3 });
const tasks = toyTasks(3);
const plays = tasks.flatMap((task) => [1, 2, 3, 4].map((seed) => ({ task, seed })));
const options = { dialect: 'hermes' } as const;

describe('playEpisodes', () => {
  test('encodes a task once and samples its group in one call', async () => {
    let encoded = 0;
    const sampled: number[][] = [];
    const counting = {
      ...model,
      encode: (...arguments_: Parameters<typeof model.encode>) => {
        encoded += 1;
        return model.encode(...arguments_);
      },
      sample: (...[prompts, sampling]: Parameters<typeof model.sample>) => {
        sampled.push(sampling.seeds.map((seeds) => seeds.length));
        return model.sample(prompts, sampling);
      },
    };
    await playEpisodes(counting, plays, options);
    expect(encoded).toBe(3);
    // The first turns of a task share a prompt; second turns have a picture of their own each.
    expect(sampled[0]).toEqual([4, 4, 4]);
    expect(sampled).toHaveLength(2);
    expect(sampled[1]?.every((count) => count === 1)).toBe(true);
  });

  test('an episode is the same alone and among others', async () => {
    const together = await playEpisodes(model, plays, options);
    for (const [index, play] of plays.entries()) {
      const [alone] = await playEpisodes(model, [play], options);
      expect(alone?.trajectory).toEqual(together[index]?.trajectory);
    }
  });

  test('its sequence scores every token that it sampled, as it was sampled', async () => {
    const episodes = await playEpisodes(model, plays, options);
    const scores = await model.logprobs(episodes.map(({ sequence }) => sequence));
    for (const [index, { trajectory }] of episodes.entries()) {
      const sampled = trajectory.segments.flatMap(({ author, logprobs }) =>
        author === 'model' ? logprobs : [],
      );
      expect(Array.from(scores[index]?.logprobs ?? [])).toEqual(sampled);
    }
  });

  test('refuses a model that gives too few samples', async () => {
    const short = { ...model, sample: async () => [[]] };
    await expect(playEpisodes(short, plays, options)).rejects.toThrow(
      /gave 0 completions of prompt 0, expected 4/,
    );
  });
});

describe('the input of an attribution', () => {
  test('has a text for every token and the grid of every picture', async () => {
    const [episode] = await playEpisodes(model, plays, options);
    const input = attributionInput(model, episode!.firstPrompt, episode!.firstTurn.tokenIds);
    expect(input.tokens?.join('')).toBe(episode?.firstPrompt.text);
    expect(input.images).toEqual([{ firstToken: input.blocks.indexOf('I'), rows: 1, columns: 3 }]);
    expect(input.modalities?.filter((modality) => modality === 'image')).toHaveLength(3);
    expect(input.completionTokens).toEqual([episode?.firstTurn.text]);
  });

  test('a character that is split over tokens belongs to the one that completes it', () => {
    const bytes = [...Buffer.from('a€b')];
    const decode = (ids: readonly number[]): string => Buffer.from(ids).toString('utf8');
    expect(tokenTexts({ decode }, bytes)).toEqual(['a', '', '', '€', 'b']);
    // What stays broken to the end is kept as what it decodes to.
    expect(tokenTexts({ decode }, bytes.slice(0, 3)).join('')).toMatch(/^a\ufffd+$/);
  });
});
