import { OnnxAutogradError } from '../errors.js';
import { seededWeights, type WeightSource } from './weight-source.js';

/** Sizes of Qwen2.5-VL's vision tower, in the terms of Hugging Face's `vision_config`. */
export interface VisionOptions {
  readonly depth: number;
  /** Width inside the tower. */
  readonly hidden: number;
  readonly heads: number;
  /** Width of the gated feed-forward block. */
  readonly feedForward: number;
  /** Width of the text decoder. */
  readonly outHidden: number;
  /** Side of a patch in pixels. Default 14. */
  readonly patchSize?: number;
  /** Patches along each side of what becomes one token. Default 2. */
  readonly mergeSize?: number;
  /** Frames in a patch; a still picture repeats its one. Default 2. */
  readonly temporalPatchSize?: number;
  /** Side in pixels of the windows in which most blocks attend. Default 112. */
  readonly windowSize?: number;
  /** Blocks that attend to the whole picture. Default: the last. */
  readonly fullAttentionBlocks?: readonly number[];
  /** Base of the rotary frequencies. Default 10,000. */
  readonly ropeTheta?: number;
  /** Seed of the weights, which are a function of it and their names alone. Default 0. */
  readonly seed?: number;
  /** Where weights come from instead of `seed`, in Hugging Face's names and layouts. */
  readonly source?: WeightSource;
}

/** All options with their defaults filled in. */
export type ResolvedVisionOptions = Required<Omit<VisionOptions, 'seed'>>;

/** @throws {OnnxAutogradError} `invalid-argument` for sizes that do not fit together. */
export function resolveVisionOptions(options: VisionOptions): ResolvedVisionOptions {
  const { seed = 0, ...given } = options;
  const resolved: ResolvedVisionOptions = {
    patchSize: 14,
    mergeSize: 2,
    temporalPatchSize: 2,
    windowSize: 112,
    fullAttentionBlocks: [options.depth - 1],
    ropeTheta: 10_000,
    source: seededWeights(seed),
    ...given,
  };
  const sizes = [
    'depth',
    'hidden',
    'heads',
    'feedForward',
    'outHidden',
    'patchSize',
    'mergeSize',
    'temporalPatchSize',
    'windowSize',
  ] as const;
  for (const name of sizes) {
    if (Number.isSafeInteger(resolved[name]) && resolved[name] > 0) continue;
    refuse(`\`${name}\` must be a whole number above 0, got ${resolved[name]}`);
  }
  const { hidden, heads, windowSize, patchSize, mergeSize } = resolved;
  if (hidden % (4 * heads) !== 0) {
    refuse(`\`hidden\` (${hidden}) must be a multiple of 4 · \`heads\` (${4 * heads})`);
  }
  if (windowSize % (patchSize * mergeSize) !== 0) {
    refuse(
      `\`windowSize\` (${windowSize}) must be a multiple of \`patchSize\` · \`mergeSize\` (${patchSize * mergeSize})`,
    );
  }
  return resolved;
}

function refuse(problem: string): never {
  throw new OnnxAutogradError('invalid-argument', `Cannot generate the vision tower: ${problem}.`);
}
