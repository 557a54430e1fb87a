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
  OnnxAutogradError,
  type OnnxAutogradErrorCode,
  type OnnxAutogradErrorDetails,
} from './errors.js';
