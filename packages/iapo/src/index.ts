export {
  type AttributionMethod,
  type AttributionResult,
  attribute,
  attributionMethods,
  compareAttributions,
  renderAttribution,
} from '@iapo/attribution';
export { AdamW, advantageEstimators, lossTypes } from '@iapo/rl-core';
export { loadAdapter, OnnxVlm, OpenAiVlm, saveAdapter } from '@iapo/vlm-adapters';
export { defineTool, readDataset, scorers, visualTools } from '@iapo/vqa-tools';
export {
  type DataSource,
  defineConfig,
  type IapoConfig,
  type ModelSource,
} from './config/iapo-config.js';
export { type LoadConfigOptions, type LoadedConfig, loadConfig } from './config/load-config.js';
export { type OpenedConfig, openConfig } from './config/open-config.js';
export { type ReadTasks, readTasks } from './data/read-tasks.js';
export { IapoError, type IapoErrorCode } from './errors.js';
export { compareEvaluations, type EvaluationDifference } from './evaluate/compare-evaluations.js';
export {
  type EvaluateOptions,
  type Evaluation,
  type EvaluationMode,
  evaluate,
  type Prediction,
} from './evaluate/evaluate.js';
export { type EvaluationSet, evaluateSets, type SetsEvaluation } from './evaluate/evaluate-sets.js';
export { type PaperSet, type PaperSetName, paperSets } from './evaluate/paper-sets.js';
export type { ExplainOptions, RunAttribution } from './explain/explain-options.js';
export type { CallExplanation } from './explain/explainer.js';
export type {
  AgentCompletion,
  AgentImage,
  AgentModel,
  AgentPrompt,
  AgentSampleOptions,
  AgentSampling,
  AgentScores,
  AgentSequence,
  ExplainedModel,
  PromptEncoder,
  PromptTool,
  ScoringModel,
  StudentModel,
} from './model/agent-model.js';
export {
  type BlackBoxModel,
  type BlackBoxPrompt,
  type BlackBoxTeacherOptions,
  blackBoxTeacher,
} from './model/black-box-teacher.js';
export type { PerceptionOptions } from './model/masked-images.js';
export {
  type Conversation,
  type PlayedEpisode,
  type PlayOptions,
  playEpisodes,
} from './model/play-episodes.js';
export { type WriteReportOptions, writeReport } from './report/write-report.js';
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
export { type CallJudge, callJudge } from './rewards/call-judge.js';
export type {
  EpisodeReward,
  EpisodeRewardInput,
  WeighedReward,
} from './rewards/episode-reward.js';
export {
  type ChatModel,
  type ModelCallJudgeOptions,
  modelCallJudge,
} from './rewards/model-call-judge.js';
export { teacherLogprob } from './rewards/teacher-logprob.js';
export { toolFailure } from './rewards/tool-failure.js';
export { readRun, type StoredEvent, type StoredRun } from './runs/read-run.js';
export { listTrajectorySteps, readTrajectories } from './runs/trajectory-files.js';
export type { ExplanationRecord, TrajectoryRecord } from './runs/trajectory-record.js';
export {
  type AgreementSample,
  type GroupAgreement,
  groupAgreements,
  type RankAgreement,
  rankAgreement,
} from './signal/rank-agreement.js';
export { type SignalHealth, type SignalSample, SignalTracker } from './signal/signal-health.js';
export type { IapoTask, TaskSource } from './task.js';
export type {
  BlockMeans,
  IapoClock,
  IapoEvent,
  Metrics,
  RecordedIapoEvent,
  SessionIapoEvent,
  WarningCode,
} from './train/events.js';
export type { Student, Teacher, TrainIapoOptions } from './train/options.js';
export type { EpisodeScore, ScoreOptions } from './train/score-episodes.js';
export { trainIapo } from './train/train-iapo.js';
export {
  type StageEvent,
  type StageName,
  type StageOptions,
  type Stages,
  stageNames,
  type TrainStagesOptions,
  trainStages,
} from './train/train-stages.js';
