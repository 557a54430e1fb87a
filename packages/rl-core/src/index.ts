export {
  type AdvantageEstimator,
  type AdvantageEstimatorName,
  type AdvantageInput,
  type AdvantageMetrics,
  type AdvantageOptions,
  type AdvantageResult,
  advantageEstimators,
} from './advantages/index.js';
export { type Aggregation, type AggregationName, aggregations } from './aggregation/index.js';
export { RlError, type RlErrorCode } from './errors.js';
export { type KlEstimator, type KlEstimatorName, klEstimators } from './kl/index.js';
export type { PolicyLossDetails } from './loss-details.js';
export {
  type LossName,
  type LossRow,
  type LossTerms,
  type LossType,
  lossTypes,
  type SelectionInput,
  type Tally,
} from './losses/index.js';
export * from './optimizers/index.js';
export { type PolicyLossResult, policyLoss } from './policy-loss.js';
export type { PolicyLossBatch, PolicyLossOptions } from './policy-loss-input.js';
export { type Random, seededRandom, splitSeed } from './random.js';
export type { Row, Rows } from './rows.js';
export {
  type Checkpoint,
  latestCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  type RefusedCheckpoint,
  saveCheckpoint,
} from './runs/checkpoint.js';
export { type OpenedRun, RunFolder, type RunFolderOptions } from './runs/run-folder.js';
export {
  type Schedule,
  type ScheduleName,
  type ScheduleOptions,
  schedules,
} from './schedules/index.js';
export type {
  EngineCorrection,
  EngineCorrectionMode,
  ImportanceSamplingLevel,
  PolicyLossSettings,
} from './settings.js';
export type { SummaryValue } from './tensorboard/records.js';
export type {
  EventClock,
  Metrics,
  RecordedEvent,
  SampleIdentity,
  SessionEvent,
  TrainEvent,
} from './train/events.js';
export type { InspectedSample, TrainOptions } from './train/options.js';
export type {
  BackwardOptions,
  Policy,
  PolicySample,
  Reward,
  RewardContext,
  RewardInput,
  SampleOptions,
  ScoreOptions,
  Scorer,
  TokenScores,
} from './train/policy.js';
export { train } from './train/train.js';
