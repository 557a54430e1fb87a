export type { ServerAnswer } from './answer.js';
export type { Clock } from './clock.js';
export type { ServerDialect, ServerOffers } from './dialects/dialect.js';
export { type ServerName, serverDialects } from './dialects/index.js';
export { OpenAiVlm, type SampledCompletion } from './open-ai-vlm.js';
export type { LogprobsMode, OpenAiVlmOptions } from './options.js';
export type { SampledTurn, ServerPrompt } from './server-prompt.js';
export type { WireMessage, WirePart } from './wire-messages.js';
