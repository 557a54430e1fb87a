export { VlmError, type VlmErrorCode } from './errors.js';
export {
  type Adapter,
  type AdapterConfig,
  type AdapterHost,
  initializeAdapter,
  type LinearModule,
  type LoraMatrix,
  type LoraOptions,
  loadAdapter,
  type MergeAdapterOptions,
  mergeAdapter,
  readAdapter,
  saveAdapter,
  writeAdapter,
} from './lora/index.js';
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
export type * from './types/message.js';
export type * from './types/model.js';
export type * from './types/prompt.js';
