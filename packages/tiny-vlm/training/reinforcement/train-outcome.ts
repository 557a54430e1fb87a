import { type Reward, type TrainEvent, train } from '@iapo/rl-core';
import { SmallCharts, type SmallChartTask } from '../../src/index.js';
import type { Episode } from '../episodes/play-episodes.js';
import type { TrainableModel } from '../model/trainable-model.js';
import { Sampler } from '../sampling/sampler.js';
import { liveModel } from '../sampling/sampling-model.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { episodePolicy } from './episode-policy.js';

/** All that a run of GRPO on the outcome depends on: plain JSON. */
export interface OutcomeRecipe {
  readonly seed: number;
  readonly steps: number;
  readonly promptsPerStep: number;
  readonly samplesPerPrompt: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
}

const outcome: Reward<SmallChartTask, Episode> = (inputs) =>
  inputs.map(({ sample }) => sample.sequence.score);
const rightCall: Reward<SmallChartTask, Episode> = (inputs) =>
  inputs.map(({ sample }) => (sample.sequence.call.isRight ? 1 : 0));
const toolSuccess: Reward<SmallChartTask, Episode> = (inputs) =>
  inputs.map(({ sample }) => (sample.sequence.call.willRun ? 1 : 0));

/**
 * GRPO with the right answer as the only reward; right calls and calls that run are recorded with weight 0.
 * The loss and its clipping are rl-core's defaults (DAPO's).
 */
export async function* trainOutcome(
  { model, tokenizer }: { readonly model: TrainableModel; readonly tokenizer: Tokenizer },
  recipe: OutcomeRecipe,
  runFolder: string,
): AsyncGenerator<TrainEvent, void> {
  const { seed, steps, promptsPerStep, samplesPerPrompt, learningRate, warmupSteps } = recipe;
  const tasks = new SmallCharts({ split: 'train', seed: `outcome/${seed}` });
  const sampler = new Sampler(await liveModel(model), tokenizer);
  try {
    yield* train<SmallChartTask, Episode>({
      policy: episodePolicy({ model, sampler, tokenizer }),
      prompts: tasks.tasks(steps * promptsPerStep),
      rewards: { outcome, rightCall, toolSuccess },
      rewardWeights: { rightCall: 0, toolSuccess: 0 },
      steps,
      promptsPerStep,
      samplesPerPrompt,
      seed,
      learningRate,
      schedule: 'constant',
      warmupSteps,
      replayEasyPrompts: false,
      runFolder,
      resume: true,
      checkpointEvery: 10,
    });
  } finally {
    await sampler.dispose();
  }
}
