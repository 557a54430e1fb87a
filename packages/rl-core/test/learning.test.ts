import { describe, expect, it } from 'vitest';
import {
  AdamW,
  type AdvantageEstimatorName,
  advantageEstimators,
  type LossName,
  type LossType,
  lossTypes,
  type Metrics,
  type TrainOptions,
  train,
} from '../src/index.js';
import {
  type BanditSequence,
  contexts,
  LENGTH,
  mlpPolicy,
  share,
  tabularPolicy,
} from './bandits.js';

type Options = Partial<TrainOptions<number, BanditSequence>>;

async function rewardsOf(options: Options): Promise<number[]> {
  const rewards: number[] = [];
  const run = train({
    policy: tabularPolicy(),
    prompts: contexts,
    rewards: { share },
    steps: 40,
    promptsPerStep: 6,
    samplesPerPrompt: 8,
    seed: 5,
    learningRate: 0.3,
    optimizer: new AdamW(),
    updatesPerBatch: 2,
    ...options,
  });
  for await (const event of run) {
    if (event.type === 'step-end') rewards.push(reward(event.metrics));
  }
  return rewards;
}

function reward(metrics: Metrics): number {
  return metrics.reward ?? Number.NaN;
}

/** Mean reward of the last five steps. */
function final(rewards: readonly number[]): number {
  return rewards.slice(-5).reduce((sum, r) => sum + r, 0) / 5;
}

// Chance is 0.25; 0.95 leaves room for exploration that has not died out yet.
const OPTIMUM = 0.95;

const lossNames = Object.keys(lossTypes) as LossName[];

function lossOptions(name: LossName): Options {
  return { loss: { lossType: name, maxCompletionLength: LENGTH } };
}

// Pass@k is content once two of a group are right; only groups of two make that every sample.
const estimatorOptions: Partial<Record<AdvantageEstimatorName, Options>> = {
  grpo_passk: { samplesPerPrompt: 2, promptsPerStep: 24 },
};

describe('the loop', () => {
  it.each(lossNames)('reaches the optimum of a tabular bandit with loss %s', async (name) => {
    expect(final(await rewardsOf(lossOptions(name)))).toBeGreaterThan(OPTIMUM);
  });

  it.each(Object.keys(advantageEstimators) as AdvantageEstimatorName[])(
    'reaches the optimum of a tabular bandit with estimator %s',
    async (advantage) => {
      const loss = { lossType: 'grpo' };
      const rewards = await rewardsOf({
        advantage,
        loss,
        steps: 60,
        ...estimatorOptions[advantage],
      });
      expect(final(rewards)).toBeGreaterThan(OPTIMUM);
    },
  );

  it.each(['grpo', 'dapo', 'cispo', 'gspo'] as const)(
    'reaches the optimum with a small network and loss %s',
    async (name) => {
      const options = { ...lossOptions(name), policy: mlpPolicy(), learningRate: 0.05, steps: 80 };
      expect(final(await rewardsOf(options))).toBeGreaterThan(OPTIMUM);
    },
  );

  it.each(lossNames)(
    'unlearns with the sign of loss %s turned, so the tests above can fail',
    async (name) => {
      const right: LossType = lossTypes[name];
      const wrong: LossType = {
        ...right,
        terms: (row, settings, out) => {
          right.terms(row, settings, out);
          for (let t = 0; t < row.length; t += 1) {
            out.value[t] = -out.value[t]!;
            out.derivative[t] = -out.derivative[t]!;
          }
        },
      };
      const loss = { lossType: wrong, maxCompletionLength: LENGTH };
      expect(final(await rewardsOf({ loss }))).toBeLessThan(0.25);
    },
  );
});
