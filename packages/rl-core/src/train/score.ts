import { RlError } from '../errors.js';
import { splitSeed } from '../random.js';
import type { TrainSettings } from './options.js';
import type { RewardInput } from './policy.js';

/** Rewards of a batch, and how many reward functions failed on it. */
export interface ScoredBatch {
  /** `[N][K]`. */
  readonly rewards: readonly (readonly (number | null)[])[];
  readonly failures: number;
}

/**
 * Asks every reward function about every sample.
 *
 * @throws {RlError} `invalid-reward` when a function throws (unless failures count as unscorable), returns another
 * number of rewards, or a number that is not finite.
 */
export async function scoreSamples<Prompt, Sequence>(
  settings: TrainSettings<Prompt, Sequence>,
  inputs: readonly RewardInput<Prompt, Sequence>[],
  step: number,
): Promise<ScoredBatch> {
  let failures = 0;
  const columns = await Promise.all(
    Object.entries(settings.rewards).map(async ([name, reward]) => {
      const context = {
        step,
        seed: splitSeed(settings.seed, 'reward', name, step),
        signal: settings.signal,
      };
      try {
        return assertRewards(name, await reward(inputs, context), inputs.length);
      } catch (error) {
        if (error instanceof RlError && error.code === 'invalid-reward') throw error;
        if (settings.onRewardError === 'unscorable') {
          failures += 1;
          return inputs.map(() => null);
        }
        throw new RlError(
          'invalid-reward',
          `Reward "${name}" failed in step ${step}. Return null for a sample that cannot be scored, or set \`onRewardError: 'unscorable'\`.`,
          { cause: error, details: { reward: name, step } },
        );
      }
    }),
  );
  return {
    rewards: inputs.map((_, i) => columns.map((column) => column[i] ?? null)),
    failures,
  };
}

function assertRewards(
  name: string,
  rewards: readonly (number | null)[],
  count: number,
): readonly (number | null)[] {
  if (rewards.length !== count) {
    throw new RlError(
      'invalid-reward',
      `Reward "${name}" returned ${rewards.length} rewards for ${count} samples.`,
    );
  }
  rewards.forEach((reward, i) => {
    if (reward !== null && !Number.isFinite(reward)) {
      throw new RlError(
        'invalid-reward',
        `Reward "${name}" is ${reward} for sample ${i}; return a finite number, or null when it cannot be scored.`,
        { details: { reward: name, sample: i, value: reward } },
      );
    }
  });
  return rewards;
}
