export type { ScoringOptions } from './engine/scorer.js';
export { VlmError, type VlmErrorCode } from './errors.js';
export type * from './families/family.js';
export { modelFamilies } from './families/index.js';
export type { DownloadProgress } from './load/fetch-file.js';
export type { Dtype, GraphName } from './load/graph-files.js';
export {
  type Adapter,
  type AdapterConfig,
  type AdapterHost,
  initializeAdapter,
  type LinearModule,
  type LoraMatrix,
  type LoraOptions,
  loadAdapter,
  readAdapter,
  saveAdapter,
  writeAdapter,
} from './lora/index.js';
export { type MergeAdapterOptions, mergeAdapter } from './merge-adapter.js';
export { type LoadOptions, OnnxVlm } from './onnx-vlm.js';
export {
  type Clock,
  type LogprobsMode,
  OpenAiVlm,
  type OpenAiVlmOptions,
  type SampledCompletion,
  type SampledTurn,
  type ServerAnswer,
  type ServerDialect,
  type ServerName,
  type ServerOffers,
  type ServerPrompt,
  serverDialects,
  type WireMessage,
  type WirePart,
} from './openai/index.js';
export type * from './types/backward.js';
export type * from './types/message.js';
export type * from './types/model.js';
export type * from './types/prompt.js';
