import { OnnxAutogradError } from '../errors.js';

/** Sizes of a decoder-only transformer, in the terms of Hugging Face configurations. */
export interface DecoderShape {
  readonly layers: number;
  /** Width of the residual stream. */
  readonly hidden: number;
  readonly heads: number;
  /** Key and value heads; `heads` is a multiple of it. */
  readonly keyValueHeads: number;
  /** Default `hidden / heads`. */
  readonly headSize?: number;
  /** Width of the gated feed-forward block. */
  readonly feedForward: number;
  readonly vocabulary: number;
}

export interface DecoderOptions extends DecoderShape {
  /**
   * `raw` writes what torch.onnx.export does, operators of ai.onnx alone; `groupQueryAttention` writes the fused
   * operators of onnxruntime-genai's builder. Default `raw`.
   */
  readonly style?: 'raw' | 'groupQueryAttention';
  /** `q4` stores linear layers as MatMulNBits. Default `float32`. */
  readonly weights?: 'float32' | 'q4';
  /** Numbers that share a scale in 4-bit weights. Default 32. */
  readonly blockSize?: number;
  /** Biases of the query, key and value projections, as Qwen2 has them. Default `false`. */
  readonly biases?: boolean;
  /** Base of the rotary frequencies. Default 10,000. */
  readonly ropeTheta?: number;
  /** Frequencies that follow time, row and column (Qwen-VL); positions are then `[3, batch, sequence]`. */
  readonly mropeSections?: readonly [number, number, number];
  /** Added to the mean square in norms. Default 1e-6. */
  readonly epsilon?: number;
  /** Longest position of the fused style's tables. Default 4,096. */
  readonly maximumPositions?: number;
  /** Seed of the weights, which are a function of it and their names. Default 0. */
  readonly seed?: number;
}

/** All options with their defaults filled in. */
export type ResolvedDecoderOptions = Required<Omit<DecoderOptions, 'mropeSections'>> &
  Pick<DecoderOptions, 'mropeSections'>;

/** @throws {OnnxAutogradError} `invalid-argument` for sizes that do not fit together. */
export function resolveDecoderOptions(options: DecoderOptions): ResolvedDecoderOptions {
  const resolved: ResolvedDecoderOptions = {
    headSize: options.hidden / options.heads,
    style: 'raw',
    weights: 'float32',
    blockSize: 32,
    biases: false,
    ropeTheta: 10_000,
    epsilon: 1e-6,
    maximumPositions: 4096,
    seed: 0,
    ...options,
  };
  const sizes = [
    'layers',
    'hidden',
    'heads',
    'keyValueHeads',
    'headSize',
    'feedForward',
    'vocabulary',
  ] as const;
  for (const name of sizes) {
    if (Number.isInteger(resolved[name]) && resolved[name] > 0) continue;
    refuse(`\`${name}\` must be a whole number above 0, got ${resolved[name]}`);
  }
  if (resolved.heads % resolved.keyValueHeads !== 0) {
    refuse(
      `\`heads\` (${resolved.heads}) must be a multiple of \`keyValueHeads\` (${resolved.keyValueHeads})`,
    );
  }
  if (resolved.headSize % 2 !== 0) refuse(`\`headSize\` must be even, got ${resolved.headSize}`);
  const sections = resolved.mropeSections?.reduce((sum, size) => sum + size, 0);
  if (sections !== undefined && sections !== resolved.headSize / 2) {
    refuse(
      `\`mropeSections\` must add up to half the head size, ${resolved.headSize / 2}, got ${sections}`,
    );
  }
  return resolved;
}

function refuse(problem: string): never {
  throw new OnnxAutogradError('invalid-argument', `Cannot generate the decoder: ${problem}.`);
}
