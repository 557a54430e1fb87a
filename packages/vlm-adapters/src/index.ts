export { VlmError, type VlmErrorCode } from './errors.js';
export type * from './types/message.js';
export type * from './types/model.js';
export type * from './types/prompt.js';
