export { attribute } from './attribute.js';
export type { Baseline, BaselineContext } from './baselines/baseline.js';
export { customBaseline } from './baselines/custom.js';
export { type BaselineName, baselines } from './baselines/index.js';
export type { BaselineChoice } from './baselines/resolve-baseline.js';
export { tokenWith } from './baselines/token.js';
export { vocabularyMeanWith } from './baselines/vocabulary-mean.js';
export { explainRefusal, listMethods } from './capabilities.js';
export type { Coalition } from './coalitions/coalition.js';
export {
  CoalitionGame,
  type CoalitionScorer,
  type GameIdentity,
} from './coalitions/coalition-game.js';
export { type AttributionComparison, type CompareOptions, compareAttributions } from './compare.js';
export {
  type Divergence,
  type DivergenceName,
  divergences,
  klWith,
  reverseKlWith,
} from './divergences/divergences.js';
export { AttributionError, type AttributionErrorCode } from './errors.js';
export { estimateCost } from './estimate-cost.js';
export type { Agreement } from './faithfulness/agreement.js';
export { type FaithfulnessMetrics, faithfulness } from './faithfulness/index.js';
export type { InfidelityOptions } from './faithfulness/infidelity.js';
export type { MaximumSensitivityOptions } from './faithfulness/maximum-sensitivity.js';
export type { NoiseOptions } from './faithfulness/noise-space.js';
export type { RemovalCurve, SubsetScores } from './faithfulness/removal-curves.js';
export type { AttributionInput, Modality, PromptImage } from './input.js';
export type { AttributionProgress, Cost, CostEstimate } from './meter.js';
export { type AttributionMethodName, attributionMethods } from './methods/index.js';
export type {
  AttributionMethod,
  Capability,
  Completeness,
  EmbeddingSpace,
  MethodContext,
  MethodScores,
  MethodSettings,
  ProblemSize,
} from './methods/method.js';
export type {
  AttentionOutput,
  AttentionRequest,
  AttributionModel,
  Awaitable,
  DifferentiableModel,
  EmbeddingBatch,
  EmbeddingStatistics,
  FloatArray,
  GradientBatch,
  GradientOutput,
  ImageVariant,
  LayerOutputRequest,
  MaskMode,
  PromptEmbeddings,
  PromptSequence,
  ScoreQuantity,
  SequenceLogprobs,
} from './model.js';
export type { GradientVisitor, Objective, PointWriter } from './objective.js';
export type { AttributeOptions } from './options.js';
export { AttributionCache } from './persistence/attribution-cache.js';
export {
  loadAttribution,
  parseAttribution,
  saveAttribution,
  serializeAttribution,
} from './persistence/json.js';
export { imagePatchPlayers } from './players/image-patch-players.js';
export { type PlayerSet, playerSets } from './players/index.js';
export type { Player } from './players/player.js';
export { toolPlayers } from './players/tool-players.js';
export { prepareCoalitions } from './prepare-coalitions.js';
export { gradedGaussLegendreWith } from './quadratures/graded-gauss-legendre.js';
export { type QuadratureName, quadratures } from './quadratures/index.js';
export type { Quadrature, QuadratureRule } from './quadratures/quadrature.js';
export type { Random } from './random.js';
export { renderAttribution, renderers } from './render/render-attribution.js';
export type { Renderer, RenderFormat, RenderOptions } from './render/renderer.js';
export type {
  AttributionResult,
  BlockScore,
  CompletenessCheck,
  JsonValue,
  PerTargetScores,
  PlayerScore,
} from './result.js';
export type { BlockReduction } from './scores/block-reductions.js';
export {
  type BlockDistribution,
  type Normalization,
  type NormalizationName,
  normalizations,
  normalizeScores,
  softmaxAbsWith,
  softmaxWith,
} from './scores/normalizations.js';
export { type Reduction, type ReductionName, reductions } from './scores/reductions.js';
export type { TokenReduction } from './scores/token-reductions.js';
export { type TargetSpan, type TokenWeights, targetSpans } from './spans/token-weights.js';
export { type CallPart, type CallSpan, findCallSpans } from './spans/tool-call-spans.js';
export type { ResolvedTarget, TargetTerm } from './targets/resolve-target.js';
export type { Link, Target } from './targets/target.js';
export { contrastive, type TargetName, targets } from './targets/targets.js';
