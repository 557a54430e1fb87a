export type { DecoderOptions, DecoderShape } from './decoder-options.js';
export { quantizeToFourBits, roundedToFourBits } from './four-bit.js';
export {
  type FusedShared,
  fusedAttention,
  fusedNorm,
  fusedShared,
  fusedSkipNorm,
} from './fused-blocks.js';
export { generateDecoder, generateEmbedding } from './generate-decoder.js';
export { generateVisionEncoder, visionWeightShapes } from './generate-vision-encoder.js';
export {
  emptyModel,
  type LinearOptions,
  ModelWriter,
  type ModelWriterOptions,
} from './model-writer.js';
export {
  type AttentionOptions,
  causalPaddingMask,
  gatedFeedForward,
  type RotaryOptions,
  type RotaryTables,
  rawAttention,
  rmsNorm,
  rotaryTables,
  rotate,
} from './raw-blocks.js';
export {
  axialTables,
  embedPatches,
  mergePatches,
  type VisionSegments,
  visionBlock,
} from './vision-blocks.js';
export {
  type ResolvedVisionOptions,
  resolveVisionOptions,
  type VisionOptions,
} from './vision-options.js';
export { seededWeights, type WeightSource, weightsInMemory } from './weight-source.js';
export { fileStore, memoryStore, type WeightStore } from './weight-store.js';
export { decoderWeights, writeDecoderWeights } from './write-weights.js';
