import {
  AdamW,
  type LossType,
  type Optimizer,
  type PolicyLossOptions,
  type Schedule,
  type ScheduleName,
  schedules,
} from '@iapo/rl-core';
import { type ToolTable, visualTools } from '@iapo/vqa-tools';
import { IapoError, lookUp } from '../errors.js';
import {
  describeOptions,
  type ExplainOptions,
  type ExplainSettings,
  resolveExplainOptions,
} from '../explain/explain-options.js';
import type {
  AgentModel,
  AgentPrompt,
  ExplainedModel,
  ScoringModel,
  StudentModel,
} from '../model/agent-model.js';
import type { PerceptionOptions } from '../model/masked-images.js';
import type { PlayOptions } from '../model/play-episodes.js';
import type { IapoRewardOptions } from '../reward/iapo-reward.js';
import type { WeighedReward } from '../rewards/episode-reward.js';
import type { TaskSource } from '../task.js';
import type { ScoreOptions } from './score-episodes.js';

/** A student: samples, scores, differentiates; what explains its calls is needed with a teacher only. */
export type Student<Prompt extends AgentPrompt> = StudentModel<Prompt> & ExplainedModel<Prompt>;

export type Teacher<Prompt extends AgentPrompt> = ExplainedModel<Prompt> &
  Partial<Pick<AgentModel<Prompt>, 'sample'>>;

/** Options of {@link trainIapo}. */
export interface TrainIapoOptions<Prompt extends AgentPrompt, TeacherPrompt extends AgentPrompt> {
  readonly student: Student<Prompt>;
  /** Explains calls beside the student; without one this is plain GRPO on the outcome. Default none. */
  readonly teacher?: Teacher<TeacherPrompt> | null;
  /** An array, or a source that makes tasks when they are drawn. */
  readonly tasks: TaskSource;
  /** Batches of tasks to learn from. */
  readonly steps: number;
  /** Default 8. */
  readonly promptsPerStep?: number;
  /** Group size. Default 8, as TRL. */
  readonly samplesPerPrompt?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Tools, dialect, limits and sampling of an episode. */
  readonly episode?: PlayOptions;
  readonly score?: ScoreOptions;
  /** λ, divergence, scaling and the rest of the reward. */
  readonly reward?: Omit<IapoRewardOptions, 'parts' | 'position' | 'mask'>;
  /** Further parts of the reward. Default none. */
  readonly rewards?: readonly WeighedReward<Prompt>[];
  readonly explain?: ExplainOptions;
  /** What is trained: the student's adapter (default), or all weights that it made trainable. */
  readonly wrt?: 'adapter' | 'weights';
  /** Which turns are trained. Default `all`. */
  readonly trainTurns?: 'all' | 'last';
  /** Name, or options of `policyLoss`. Default `dapo` with ε 0.2 and ε_h 0.28. */
  readonly loss?: string | LossType | PolicyLossOptions;
  /**
   * How pictures are masked for PAPO's perception term, which `loss: { perceptionCoef: 0.01, perceptionEntropyCoef:
   * 0.03 }` turns on. Default: 14-pixel patches, each black with chance 0.6.
   */
  readonly perception?: PerceptionOptions;
  /** Frozen policy; needed when `loss.beta` is not 0. */
  readonly reference?: ScoringModel<Prompt> | null;
  /** Default AdamW. */
  readonly optimizer?: Optimizer;
  /** Peak learning rate. Default 1e-6, TRL's; adapters usually take 1e-5 to 1e-4. */
  readonly learningRate?: number;
  /** Default `constant`. */
  readonly schedule?: ScheduleName | Schedule;
  /** In updates. Default 0. */
  readonly warmupSteps?: number;
  /** Passes over each batch. Default 1. */
  readonly updatesPerBatch?: number;
  /**
   * Log-probabilities before a batch's first update, to which its ratios are taken: `scored` in a forward pass of
   * their own, or as they were `sampled`, which saves that pass. The ratios of the first update are 1 either way, as
   * in TRL, which leaves the pass out, too; further ones then have the sampler's rounding in them (verl's
   * `bypass_mode`). With `sampled` there is no entropy, and no bonus on it; leave `topP`, `topK` and `minP` off.
   * Default `scored`.
   */
  readonly oldLogprobs?: 'scored' | 'sampled';
  /** Sequences a backward pass; changes memory, not the gradient. Default: all. */
  readonly microBatchSize?: number | null;
  /** Norm to clip gradients to, `null` for none. Default 1. */
  readonly maxGradientNorm?: number | null;
  /** A number that is not finite stops the run (default) or skips the update, counted. */
  readonly onNonFinite?: 'stop' | 'skip';
  /** Where to keep the run; `null` keeps nothing. Default `null`. */
  readonly runFolder?: string | null;
  /** Names the run in reports; runs of one label are one method with several seeds. Default: the method. */
  readonly label?: string;
  /** Continue the run in the folder, if there is one. Default false. */
  readonly resume?: boolean;
  /** Default 10; the last step is always saved. */
  readonly checkpointEvery?: number;
  /** Newest checkpoints kept besides the best. Default 2. */
  readonly keepCheckpoints?: number;
  /** Trajectories to keep for reports: in every k-th step, so many. Default every 5th step, 4 each. */
  readonly keepTrajectories?: { readonly everySteps?: number; readonly perStep?: number };
  /** Stops at once; what was done since the last checkpoint is done again on resuming. */
  readonly signal?: AbortSignal;
  /** Stops after the step that is under way, with a checkpoint. */
  readonly pause?: AbortSignal;
  /** Milliseconds since 1970, for wall-clock fields only. Default: the system's clock. */
  readonly clock?: () => number;
}

/** Options with defaults filled in and names resolved. */
export interface TrainIapoSettings<Prompt extends AgentPrompt, TeacherPrompt extends AgentPrompt>
  extends Required<
    Omit<
      TrainIapoOptions<Prompt, TeacherPrompt>,
      'loss' | 'schedule' | 'explain' | 'keepTrajectories' | 'signal' | 'pause'
    >
  > {
  readonly loss: PolicyLossOptions;
  readonly schedule: Schedule;
  readonly explain: ExplainSettings;
  readonly keepTrajectories: { readonly everySteps: number; readonly perStep: number };
  readonly signal: AbortSignal | undefined;
  readonly pause: AbortSignal | undefined;
  readonly tools: ToolTable;
}

const clipHigher: PolicyLossOptions = { epsilonLow: 0.2, epsilonHigh: 0.28 };

/** Fills in defaults and refuses what cannot work, before anything is sampled. */
export function resolveTrainIapoOptions<
  Prompt extends AgentPrompt,
  TeacherPrompt extends AgentPrompt,
>(options: TrainIapoOptions<Prompt, TeacherPrompt>): TrainIapoSettings<Prompt, TeacherPrompt> {
  const { loss = 'dapo', teacher = null, reward = {} } = options;
  const settings: TrainIapoSettings<Prompt, TeacherPrompt> = {
    student: options.student,
    teacher,
    tasks: options.tasks,
    steps: options.steps,
    promptsPerStep: options.promptsPerStep ?? 8,
    samplesPerPrompt: options.samplesPerPrompt ?? 8,
    seed: options.seed ?? 0,
    episode: options.episode ?? {},
    score: options.score ?? {},
    reward,
    rewards: options.rewards ?? [],
    explain: resolveExplainOptions(options.explain),
    wrt: options.wrt ?? 'adapter',
    trainTurns: options.trainTurns ?? 'all',
    loss: isLossType(loss) ? { ...clipHigher, lossType: loss } : loss,
    perception: options.perception ?? {},
    reference: options.reference ?? null,
    optimizer: options.optimizer ?? new AdamW(),
    learningRate: options.learningRate ?? 1e-6,
    schedule: lookUp<Schedule>('schedule', schedules, options.schedule ?? 'constant'),
    warmupSteps: options.warmupSteps ?? 0,
    updatesPerBatch: options.updatesPerBatch ?? 1,
    oldLogprobs: options.oldLogprobs ?? 'scored',
    microBatchSize: options.microBatchSize ?? null,
    maxGradientNorm: options.maxGradientNorm === undefined ? 1 : options.maxGradientNorm,
    onNonFinite: options.onNonFinite ?? 'stop',
    runFolder: options.runFolder ?? null,
    label: options.label ?? (teacher === null ? 'grpo' : 'iapo'),
    resume: options.resume ?? false,
    checkpointEvery: options.checkpointEvery ?? 10,
    keepCheckpoints: options.keepCheckpoints ?? 2,
    keepTrajectories: { everySteps: 5, perStep: 4, ...options.keepTrajectories },
    signal: options.signal,
    pause: options.pause,
    clock: options.clock ?? Date.now,
    tools: options.episode?.tools ?? visualTools,
  };
  assertSettings(settings);
  return settings;
}

function isLossType(loss: string | LossType | PolicyLossOptions): loss is string | LossType {
  return typeof loss === 'string' || ('name' in loss && 'terms' in loss);
}

function assertSettings<P extends AgentPrompt, T extends AgentPrompt>(
  settings: TrainIapoSettings<P, T>,
): void {
  const { keepTrajectories, explain, tasks, reference, loss, teacher } = settings;
  const counts: Readonly<Record<string, number>> = {
    steps: settings.steps,
    promptsPerStep: settings.promptsPerStep,
    samplesPerPrompt: settings.samplesPerPrompt,
    updatesPerBatch: settings.updatesPerBatch,
    checkpointEvery: settings.checkpointEvery,
    keepCheckpoints: settings.keepCheckpoints,
    'keepTrajectories.everySteps': keepTrajectories.everySteps,
    'explain.everySteps': explain.everySteps,
    microBatchSize: settings.microBatchSize ?? 1,
    'explain.budget': explain.budget ?? 1,
    'explain.concurrency': explain.concurrency,
  };
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new IapoError(
        'invalid-option',
        `\`${name}\` must be an integer of at least 1, got ${value}.`,
      );
    }
  }
  if (tasks.length === 0) throw new IapoError('missing-input', '`tasks` is empty.');
  if ((loss.beta ?? 0) !== 0 && reference === null) {
    throw new IapoError(
      'missing-input',
      '`reference` is missing: `loss.beta` is not 0. (A configuration has one for a student with a new `lora`.)',
    );
  }
  if (teacher === null && (settings.reward.lambda ?? 0) > 0) {
    throw new IapoError('missing-input', '`teacher` is missing: `reward.lambda` is not 0.');
  }
}

/** What a run is, as plain JSON: the same options give the same text. */
export function configOf<P extends AgentPrompt, T extends AgentPrompt>(
  settings: TrainIapoSettings<P, T>,
): Record<string, unknown> {
  const { student, teacher, tasks, rewards, episode, explain, ...rest } = settings;
  const { tools, ...play } = episode;
  // Neither changes what comes out.
  const { teacherCache: _where, concurrency: _how, ...explained } = explain;
  const described = describeOptions({
    label: rest.label,
    steps: rest.steps,
    promptsPerStep: rest.promptsPerStep,
    samplesPerPrompt: rest.samplesPerPrompt,
    seed: rest.seed,
    episode: { ...play, tools: Object.keys(tools ?? settings.tools) },
    score: rest.score,
    reward: rest.reward,
    explain: explained,
    wrt: rest.wrt,
    trainTurns: rest.trainTurns,
    loss: rest.loss,
    ...(Object.keys(rest.perception).length === 0 ? {} : { perception: rest.perception }),
    optimizer: rest.optimizer,
    learningRate: rest.learningRate,
    schedule: rest.schedule,
    warmupSteps: rest.warmupSteps,
    updatesPerBatch: rest.updatesPerBatch,
    ...(rest.oldLogprobs === 'scored' ? {} : { oldLogprobs: rest.oldLogprobs }),
    microBatchSize: rest.microBatchSize,
    maxGradientNorm: rest.maxGradientNorm,
    onNonFinite: rest.onNonFinite,
    checkpointEvery: rest.checkpointEvery,
    keepCheckpoints: rest.keepCheckpoints,
    keepTrajectories: rest.keepTrajectories,
  });
  return {
    format: 'iapo-run',
    version: 1,
    student: student.id,
    teacher: teacher?.id ?? null,
    tasks: tasks.length,
    rewards: rewards.map(({ weight, reward }) => ({ name: reward.name, weight })),
    ...(described as Record<string, unknown>),
  };
}
