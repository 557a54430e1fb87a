export type { DecoderOptions, DecoderShape } from './decoder-options.js';
export { DecoderWriter, emptyModel } from './decoder-writer.js';
export { generateDecoder, generateEmbedding, writeDecoder } from './generate-decoder.js';
export {
  causalPaddingMask,
  gatedFeedForward,
  rawAttention,
  rmsNorm,
  rotaryTables,
} from './raw-blocks.js';
export { fileStore, memoryStore, type WeightStore } from './weight-store.js';
