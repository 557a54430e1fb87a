export { type ElementType, elementTypes } from './codec/element-types.js';
export type {
  Attribute,
  AttributeValue,
  Dimension,
  Graph,
  GraphNode,
  OnnxModel,
  Tensor,
  TensorData,
  ValueInfo,
} from './codec/model.js';
export { readModel } from './codec/read-model.js';
export { modelToBytes, type WriteModelOptions, writeModel } from './codec/write-model.js';
export {
  type DifferentiateOptions,
  differentiate,
  supportedOperators,
} from './differentiate/differentiate.js';
export {
  type GradientRule,
  type GradientRules,
  type RuleContext,
  zeroGradient,
} from './differentiate/gradient-rule.js';
export {
  OnnxAutogradError,
  type OnnxAutogradErrorCode,
  type OnnxAutogradErrorDetails,
} from './errors.js';
export { gradientRules } from './rules/index.js';
export {
  createSession,
  type OutputTensor,
  type RunOptions,
  type Session,
} from './session/session.js';
export type { SessionOptions } from './session/session-options.js';
export type { TensorLike } from './session/tensors.js';
export { type AddLoraOptions, addLora, type LoraTarget } from './transform/add-lora.js';
export { chooseBranches } from './transform/choose-branches.js';
export {
  type GatherBeforeLastMatMulOptions,
  gatherBeforeLastMatMul,
} from './transform/gather-before-last-product.js';
export { keepOutputs } from './transform/keep-outputs.js';
export { findLinearNodes, type LinearNode } from './transform/linear-nodes.js';
export {
  type AddLogProbabilitiesOptions,
  addLogProbabilities,
} from './transform/log-probabilities.js';
export { makeTrainable } from './transform/make-trainable.js';
export { raiseOpset } from './transform/raise-opset.js';
export { useFloatActivations } from './transform/use-float-activations.js';
