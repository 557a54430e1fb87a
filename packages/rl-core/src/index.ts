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
  type ImportanceSamplingLevel,
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
export type { PolicyLossBatch } from './policy-loss-input.js';
export type { Row, Rows } from './rows.js';
export {
  type Schedule,
  type ScheduleName,
  type ScheduleOptions,
  schedules,
} from './schedules/index.js';
export type {
  EngineCorrection,
  EngineCorrectionMode,
  PolicyLossOptions,
  PolicyLossSettings,
} from './settings.js';
