import { describe, expect, test } from 'vitest';
import { maskedImageSequence } from '../../src/model/masked-images.js';
import { playEpisodes } from '../../src/model/play-episodes.js';
import { toyAgent, toyTasks } from '../models/toy-agent.js';
import { collect, stepMetrics, toyOptions } from './toy-run.js';

const perceptionLoss = { perceptionCoef: 0.02, perceptionEntropyCoef: 0.03 };
const student = () => toyAgent('toy student', { favorsCalls: 2, readsGray: 3 });

describe('PAPO', () => {
  test('masked pictures change pictures only: the tokens of the whole episode stay', async () => {
    const model = student();
    const [task] = toyTasks(1);
    const episodes = await playEpisodes(
      model,
      [0, 1, 2, 3].map((seed) => ({ task: task!, seed })),
      { dialect: 'hermes' },
    );
    expect(episodes.some(({ conversation }) => conversation.turns.length === 2)).toBe(true);
    for (const { sequence, conversation } of episodes) {
      for (const share of [0, 1]) {
        const masked = await maskedImageSequence(model, conversation, { share, seed: 1 });
        expect(masked.completion).toEqual(sequence.completion);
        expect([...masked.prompt.inputIds]).toEqual([...sequence.prompt.inputIds]);
      }
      const same = await maskedImageSequence(model, conversation, { share: 0, seed: 1 });
      const [first] = await model.logprobs([sequence]);
      const [second] = await model.logprobs([same]);
      expect(second).toEqual(first);
    }
  });

  test('logs the perception term, which is 0 where nothing is masked', async () => {
    const run = async (share: number) => {
      const events = await collect(
        toyOptions({ steps: 1, loss: perceptionLoss, perception: { share, patchSize: 1 } }),
      );
      return stepMetrics(events)[0]?.kl_prcp;
    };
    expect(await run(0)).toBeCloseTo(0, 12);
    expect(await run(1)).toBeGreaterThan(1e-3);
  });

  test('learns something else than without, and the same for the same seed', async () => {
    const weights = async (loss: object) => {
      const model = student();
      await collect(toyOptions({ student: model, steps: 2, loss, perception: { patchSize: 1 } }));
      return structuredClone(model.parameters());
    };
    const once = await weights(perceptionLoss);
    expect(await weights(perceptionLoss)).toEqual(once);
    expect(await weights({})).not.toEqual(once);
  });
});
