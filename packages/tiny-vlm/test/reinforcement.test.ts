import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { architectures } from '../training/model/architecture.js';
import { TrainableModel } from '../training/model/trainable-model.js';
import { trainOutcome } from '../training/reinforcement/train-outcome.js';
import { makeTokenizer } from '../training/text/vocabulary.js';

const folder = mkdtempSync(join(tmpdir(), 'tiny-vlm-outcome-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tokenizer = makeTokenizer();
const recipe = {
  seed: 1,
  steps: 2,
  promptsPerStep: 2,
  samplesPerPrompt: 3,
  learningRate: 1e-3,
  warmupSteps: 0,
};

/** A model that has not learned anything, whose answers are all wrong: what GRPO makes of it is known. */
const untrained = (): Promise<TrainableModel> =>
  TrainableModel.create(architectures.miniature, tokenizer.size, { seed: 6 });

describe('trainOutcome', () => {
  it('records what is rewarded, and learns nothing where all episodes are worth the same', async () => {
    const model = await untrained();
    const before = structuredClone(model.weights.arrays);
    const events = [];
    for await (const event of trainOutcome({ model, tokenizer }, recipe, join(folder, 'run'))) {
      events.push(event);
    }
    const ends = events.filter((event) => event.type === 'step-end');
    expect(ends).toHaveLength(2);
    expect(ends[1]?.metrics).toMatchObject({
      'rewards/outcome/mean': 0,
      'rewards/rightCall/mean': 0,
      'rewards/toolSuccess/mean': 0,
    });
    expect(events.filter((event) => event.type === 'groups-without-spread')).toHaveLength(2);
    expect(model.weights.arrays).toEqual(before);
    await model.dispose();
  });

  it('goes on from a finished run without another step', async () => {
    const model = await untrained();
    const steps = [];
    for await (const event of trainOutcome({ model, tokenizer }, recipe, join(folder, 'run'))) {
      if (event.type === 'step-end') steps.push(event);
    }
    expect(steps).toEqual([]);
    await model.dispose();
  });
});
