export { IapoError, type IapoErrorCode } from './errors.js';
export { type CombineOptions, combineRewards, type RewardPart } from './reward/combine-rewards.js';
export {
  type ExplanationPair,
  type IapoReward,
  type IapoRewardOptions,
  iapoReward,
  type RewardSample,
  type SampleReward,
} from './reward/iapo-reward.js';
export type { MissingReason, MissingRule, MissingRules } from './reward/missing-penalties.js';
export { type PenaltyGate, type PenaltyGateName, penaltyGates } from './reward/penalty-gates.js';
export type { PenaltyWeightOptions, RunPosition } from './reward/penalty-weight.js';
export {
  type AgreementSample,
  type GroupAgreement,
  groupAgreements,
  type RankAgreement,
  rankAgreement,
} from './signal/rank-agreement.js';
export { type SignalHealth, type SignalSample, SignalTracker } from './signal/signal-health.js';
