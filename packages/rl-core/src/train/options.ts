import {
  type AdvantageEstimator,
  type AdvantageEstimatorName,
  type AdvantageOptions,
  advantageEstimators,
} from '../advantages/index.js';
import {
  type AdaptiveEntropySettings,
  defaultAdaptiveEntropy,
} from '../corrections/entropy-bonus.js';
import { lookUp, RlError } from '../errors.js';
import { type KlEstimatorName, klEstimators } from '../kl/index.js';
import { type LossType, lossTypes } from '../losses/index.js';
import { AdamW } from '../optimizers/adamw.js';
import type { Optimizer } from '../optimizers/types.js';
import type { PolicyLossOptions } from '../policy-loss-input.js';
import { type Schedule, type ScheduleName, schedules } from '../schedules/index.js';
import type { SummaryValue } from '../tensorboard/records.js';
import type { Policy, Reward, RewardInput, Scorer } from './policy.js';

/** One scored sample, as `inspect` sees it. */
export interface InspectedSample<Prompt, Sequence> extends RewardInput<Prompt, Sequence> {
  /** By reward function; null where it could not score. */
  readonly rewards: Readonly<Record<string, number | null>>;
}

/** Options of `train`. What a run is goes into its `config.json`; functions and objects by their names. */
export interface TrainOptions<Prompt, Sequence> {
  readonly policy: Policy<Prompt, Sequence>;
  readonly prompts: readonly Prompt[];
  /** Reward functions by name. */
  readonly rewards: Readonly<Record<string, Reward<Prompt, Sequence>>>;
  /** Weights by reward function. Default 1. */
  readonly rewardWeights?: Readonly<Record<string, number>>;
  /** Batches of prompts to collect and learn from. */
  readonly steps: number;
  /** Default 8. */
  readonly promptsPerStep?: number;
  /** Group size G. Default 8 (TRL). */
  readonly samplesPerPrompt?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Shuffle the prompts in each pass. Default true. */
  readonly shuffle?: boolean;
  /** Default: `dapo` with ε 0.2 and ε_h 0.28, as in DAPO. */
  readonly loss?: PolicyLossOptions;
  /** Default `group`. */
  readonly advantage?: AdvantageEstimatorName | AdvantageEstimator;
  readonly advantageOptions?: AdvantageOptions;
  /** Frozen policy for the KL term; needed when `loss.beta` ≠ 0 or with `klInReward`. */
  readonly reference?: Scorer<Sequence>;
  /** Subtracts coefficient × KL to the reference from the reward. Default: none. */
  readonly klInReward?: {
    readonly coefficient: number;
    readonly estimator?: KlEstimatorName;
  } | null;
  /** Default: AdamW. */
  readonly optimizer?: Optimizer;
  /** Peak learning rate. Default 1e-6 (TRL). */
  readonly learningRate?: number;
  /** Default `linear` (TRL). */
  readonly schedule?: ScheduleName | Schedule;
  /** In updates. Default 0. */
  readonly warmupSteps?: number;
  readonly minimumFactor?: number;
  /** Global norm to clip gradients to, null for none. Default 1 (TRL's trainer). */
  readonly maxGradientNorm?: number | null;
  /** μ: passes over each batch. Default 1. */
  readonly updatesPerBatch?: number;
  /** Parts into which a batch is cut, one update each. Default 1. */
  readonly miniBatches?: number;
  /** Sequences per backward pass; changes memory, not the gradient. Default: all. */
  readonly microBatchSize?: number | null;
  /** Leave completions that were cut out of the loss. Default false. */
  readonly maskTruncated?: boolean;
  /**
   * Drop groups whose rewards are all equal and draw others, at most `maxRefills` times (DAPO). The spread is
   * that of the reward `on` (default: the first), so that a shaped reward cannot make a dead group look alive.
   */
  readonly dynamicSampling?: { readonly maxRefills?: number; readonly on?: string } | null;
  /** Updates that a sample may lag behind the policy it trains; older ones are left out. Default: no limit. */
  readonly maxStaleness?: number | null;
  /** Draw prompts again whose whole group reached `easyReward` in the first reward. Default true. */
  readonly replayEasyPrompts?: boolean;
  /** Default 1. */
  readonly easyReward?: number;
  /** Adapts `loss.entropyCoef` to keep the entropy at a target; TRL's `use_adaptive_entropy`. */
  readonly adaptiveEntropy?: Partial<AdaptiveEntropySettings> | null;
  /** A number that is not finite stops the run (default) or leaves its sample out, counted. */
  readonly onNonFinite?: 'stop' | 'skip';
  /** A reward function that throws stops the run (default) or gives null for its batch, counted. */
  readonly onRewardError?: 'stop' | 'unscorable';
  /** Where to keep the run; null keeps nothing. Default null. */
  readonly runFolder?: string | null;
  /** Continue the run in the folder, if there is one. Default false. */
  readonly resume?: boolean;
  /** Default 10; the last step is always saved. */
  readonly checkpointEvery?: number;
  /** Newest checkpoints kept besides the best. Default 2. */
  readonly keepCheckpoints?: number;
  /** Step metric by which a checkpoint is best, larger is better. Default `reward`. */
  readonly bestMetric?: string;
  /** Text and images of a batch for TensorBoard. */
  readonly inspect?: (
    samples: readonly InspectedSample<Prompt, Sequence>[],
    step: number,
  ) => readonly SummaryValue[];
  readonly signal?: AbortSignal;
  /** Milliseconds since 1970, for wall-clock fields only. Default: the system's clock. */
  readonly clock?: () => number;
}

/** Options with defaults filled in and names resolved. */
export interface TrainSettings<Prompt, Sequence>
  extends Required<
    Omit<
      TrainOptions<Prompt, Sequence>,
      | 'reference'
      | 'signal'
      | 'inspect'
      | 'klInReward'
      | 'adaptiveEntropy'
      | 'dynamicSampling'
      | 'advantage'
      | 'schedule'
    >
  > {
  readonly advantage: AdvantageEstimator;
  readonly schedule: Schedule;
  readonly lossType: LossType;
  readonly reference: Scorer<Sequence> | null;
  readonly klInReward: { readonly coefficient: number; readonly estimator: KlEstimatorName } | null;
  readonly adaptiveEntropy: AdaptiveEntropySettings | null;
  readonly dynamicSampling: { readonly maxRefills: number; readonly on: number } | null;
  readonly inspect: TrainOptions<Prompt, Sequence>['inspect'] | null;
  readonly signal: AbortSignal | undefined;
  readonly rewardNames: readonly string[];
  /** `[K]`. */
  readonly weights: readonly number[];
}

const defaultLoss: PolicyLossOptions = { lossType: 'dapo', epsilonLow: 0.2, epsilonHigh: 0.28 };

function assertCount(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new RlError(
      'invalid-argument',
      `\`${name}\` must be an integer of at least 1, got ${value}.`,
    );
  }
}

/** Fills in defaults and refuses what cannot work, before anything is sampled. */
export function resolveTrainOptions<Prompt, Sequence>(
  options: TrainOptions<Prompt, Sequence>,
): TrainSettings<Prompt, Sequence> {
  const rewardNames = Object.keys(options.rewards);
  if (rewardNames.length === 0) throw new RlError('missing-input', '`rewards` is empty.');
  const { advantage = 'group', schedule = 'linear', loss = defaultLoss } = options;
  const { lossType = 'dapo' } = loss;
  const settings: TrainSettings<Prompt, Sequence> = {
    policy: options.policy,
    prompts: options.prompts,
    rewards: options.rewards,
    rewardWeights: options.rewardWeights ?? {},
    steps: options.steps,
    promptsPerStep: options.promptsPerStep ?? 8,
    samplesPerPrompt: options.samplesPerPrompt ?? 8,
    seed: options.seed ?? 0,
    shuffle: options.shuffle ?? true,
    loss,
    lossType: typeof lossType === 'string' ? lookUp('loss', lossTypes, lossType) : lossType,
    advantage:
      typeof advantage === 'string'
        ? lookUp('advantage estimator', advantageEstimators, advantage)
        : advantage,
    advantageOptions: options.advantageOptions ?? {},
    reference: options.reference ?? null,
    klInReward: options.klInReward ? { estimator: 'k1', ...options.klInReward } : null,
    optimizer: options.optimizer ?? new AdamW(),
    learningRate: options.learningRate ?? 1e-6,
    schedule: typeof schedule === 'string' ? lookUp('schedule', schedules, schedule) : schedule,
    warmupSteps: options.warmupSteps ?? 0,
    minimumFactor: options.minimumFactor ?? 0,
    maxGradientNorm: options.maxGradientNorm === undefined ? 1 : options.maxGradientNorm,
    updatesPerBatch: options.updatesPerBatch ?? 1,
    miniBatches: options.miniBatches ?? 1,
    microBatchSize: options.microBatchSize ?? null,
    maskTruncated: options.maskTruncated ?? false,
    dynamicSampling: resolveDynamicSampling(options.dynamicSampling ?? null, rewardNames),
    maxStaleness: options.maxStaleness ?? null,
    replayEasyPrompts: options.replayEasyPrompts ?? true,
    easyReward: options.easyReward ?? 1,
    adaptiveEntropy: options.adaptiveEntropy
      ? { ...defaultAdaptiveEntropy, ...options.adaptiveEntropy }
      : null,
    onNonFinite: options.onNonFinite ?? 'stop',
    onRewardError: options.onRewardError ?? 'stop',
    runFolder: options.runFolder ?? null,
    resume: options.resume ?? false,
    checkpointEvery: options.checkpointEvery ?? 10,
    keepCheckpoints: options.keepCheckpoints ?? 2,
    bestMetric: options.bestMetric ?? 'reward',
    inspect: options.inspect ?? null,
    signal: options.signal,
    clock: options.clock ?? Date.now,
    rewardNames,
    weights: rewardNames.map((name) => options.rewardWeights?.[name] ?? 1),
  };
  assertTrainSettings(settings);
  return settings;
}

function resolveDynamicSampling(
  option: { readonly maxRefills?: number; readonly on?: string } | null,
  rewardNames: readonly string[],
): { maxRefills: number; on: number } | null {
  if (option === null) return null;
  const on = option.on === undefined ? 0 : rewardNames.indexOf(option.on);
  if (on < 0) {
    throw new RlError(
      'unknown-name',
      `\`dynamicSampling.on\` names no reward: "${option.on}". Known: ${rewardNames.join(', ')}.`,
    );
  }
  return { maxRefills: option.maxRefills ?? 5, on };
}

function assertTrainSettings<Prompt, Sequence>(settings: TrainSettings<Prompt, Sequence>): void {
  const { steps, promptsPerStep, samplesPerPrompt, updatesPerBatch, miniBatches } = settings;
  const { checkpointEvery, keepCheckpoints } = settings;
  const counts = {
    steps,
    promptsPerStep,
    samplesPerPrompt,
    updatesPerBatch,
    miniBatches,
    checkpointEvery,
    keepCheckpoints,
  };
  for (const [name, value] of Object.entries(counts)) assertCount(name, value);
  if (settings.microBatchSize !== null) assertCount('microBatchSize', settings.microBatchSize);
  const { advantage, rewardWeights, rewardNames } = settings;
  if (samplesPerPrompt < advantage.minimumGroupSize) {
    throw new RlError(
      'invalid-argument',
      `Estimator "${advantage.name}" compares samples of a group: \`samplesPerPrompt\` must be at least ${advantage.minimumGroupSize}, got ${samplesPerPrompt}.`,
    );
  }
  for (const name of Object.keys(rewardWeights)) {
    if (!rewardNames.includes(name)) {
      throw new RlError(
        'unknown-name',
        `\`rewardWeights\` names no reward: "${name}". Known: ${rewardNames.join(', ')}.`,
      );
    }
  }
  if (settings.klInReward !== null) {
    lookUp('KL estimator', klEstimators, settings.klInReward.estimator);
  }
  const needsReference = (settings.loss.beta ?? 0) !== 0 || settings.klInReward !== null;
  if (needsReference && settings.reference === null) {
    throw new RlError('missing-input', '`reference` is missing: a KL term needs one.');
  }
  if (advantage.needs.includes('values') && settings.policy.values === undefined) {
    throw new RlError(
      'missing-input',
      `Estimator "${advantage.name}" needs a critic: the policy has no \`values\`.`,
    );
  }
}

/** What a run is, as plain JSON: the same options give the same text. */
export function configOf<Prompt, Sequence>(
  settings: TrainSettings<Prompt, Sequence>,
): Record<string, unknown> {
  const { klEstimator = null } = settings.loss;
  return {
    prompts: settings.prompts.length,
    rewards: settings.rewardNames,
    rewardWeights: settings.weights,
    steps: settings.steps,
    promptsPerStep: settings.promptsPerStep,
    samplesPerPrompt: settings.samplesPerPrompt,
    seed: settings.seed,
    shuffle: settings.shuffle,
    loss: {
      ...settings.loss,
      lossType: settings.lossType.name,
      klEstimator: typeof klEstimator === 'object' ? (klEstimator?.name ?? null) : klEstimator,
    },
    advantage: settings.advantage.name,
    advantageOptions: settings.advantageOptions,
    klInReward: settings.klInReward,
    optimizer: settings.optimizer.name,
    learningRate: settings.learningRate,
    schedule: settings.schedule.name,
    warmupSteps: settings.warmupSteps,
    minimumFactor: settings.minimumFactor,
    maxGradientNorm: settings.maxGradientNorm,
    updatesPerBatch: settings.updatesPerBatch,
    miniBatches: settings.miniBatches,
    microBatchSize: settings.microBatchSize,
    maskTruncated: settings.maskTruncated,
    dynamicSampling: settings.dynamicSampling,
    maxStaleness: settings.maxStaleness,
    replayEasyPrompts: settings.replayEasyPrompts,
    easyReward: settings.easyReward,
    adaptiveEntropy: settings.adaptiveEntropy,
    onNonFinite: settings.onNonFinite,
    onRewardError: settings.onRewardError,
    checkpointEvery: settings.checkpointEvery,
    keepCheckpoints: settings.keepCheckpoints,
    bestMetric: settings.bestMetric,
  };
}
