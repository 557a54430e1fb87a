import { OnnxAutogradError } from '../errors.js';
import { seededWeights, type WeightSource } from './weight-source.js';

/** Sizes of a decoder-only transformer, in the terms of Hugging Face configurations. */
export interface DecoderShape {
  readonly layers: number;
  /** Width of the residual stream. */
  readonly hidden: number;
  readonly heads: number;
  /** Key and value heads; `heads` is a multiple of it. */
  readonly keyValueHeads: number;
  /** Default `hidden / heads`. */
  readonly headDim?: number;
  /** Width of the gated feed-forward block. */
  readonly feedForward: number;
  readonly vocabulary: number;
}

export interface DecoderOptions extends DecoderShape {
  /**
   * `raw` writes what torch.onnx exports, operators of ai.onnx alone; `group-query-attention` writes the
   * fused operators of onnxruntime-genai's builder. Default `raw`.
   */
  readonly style?: 'raw' | 'group-query-attention';
  /** `q4` stores linear layers, `lm_head` included, as MatMulNBits. Default `float32`. */
  readonly weights?: 'float32' | 'q4';
  /** Numbers that share a scale in 4-bit weights: a power of two from 16 on. Default 32. */
  readonly blockSize?: number;
  /** Biases of the query, key and value projections, as Qwen2 has them. Default `false`. */
  readonly qkvBias?: boolean;
  /** Base of the rotary frequencies. Default 10,000. */
  readonly ropeTheta?: number;
  /**
   * How many frequencies follow time, row and column (Qwen2-VL's mRoPE); together half the head size.
   * `position_ids` is then `[3, batch, sequence]`. Default: plain rotary positions.
   */
  readonly mropeSections?: readonly [time: number, row: number, column: number];
  /** Added to the mean square in norms. Default 1e-6, as Qwen2 has it. */
  readonly rmsNormEpsilon?: number;
  /** Positions in the tables of the fused style, which later positions leave. Default 4,096. */
  readonly maximumPositions?: number;
  /** `lm_head` uses the embedding's weight. Default `false`. */
  readonly tied?: boolean;
  /** Seed of the weights, which are a function of it and their names alone. Default 0. */
  readonly seed?: number;
  /** Where weights come from instead of `seed`, in Hugging Face's names and layouts. */
  readonly source?: WeightSource;
  /**
   * Folder to write to: the model's structure in an `.onnx` file, its weights in `<name>.onnx_data` beside
   * it, with one weight in memory at a time. Default: the model stays in memory.
   */
  readonly directory?: string;
}

/** All options with their defaults filled in. */
export type ResolvedDecoderOptions = Required<
  Omit<DecoderOptions, 'mropeSections' | 'directory' | 'seed'>
> &
  Pick<DecoderOptions, 'mropeSections' | 'directory'>;

/** @throws {OnnxAutogradError} `invalid-argument` for sizes that do not fit together. */
export function resolveDecoderOptions(options: DecoderOptions): ResolvedDecoderOptions {
  const { seed = 0, ...given } = options;
  const resolved: ResolvedDecoderOptions = {
    headDim: options.hidden / options.heads,
    style: 'raw',
    weights: 'float32',
    blockSize: 32,
    qkvBias: false,
    ropeTheta: 10_000,
    rmsNormEpsilon: 1e-6,
    maximumPositions: 4096,
    tied: false,
    source: seededWeights(seed),
    ...given,
  };
  const sizes = [
    'layers',
    'hidden',
    'heads',
    'keyValueHeads',
    'headDim',
    'feedForward',
    'vocabulary',
    'maximumPositions',
  ] as const;
  for (const name of sizes) {
    if (Number.isSafeInteger(resolved[name]) && resolved[name] > 0) continue;
    refuse(`\`${name}\` must be a whole number above 0, got ${resolved[name]}`);
  }
  const { heads, keyValueHeads, headDim, blockSize, mropeSections, style } = resolved;
  if (heads % keyValueHeads !== 0) {
    refuse(`\`heads\` (${heads}) must be a multiple of \`keyValueHeads\` (${keyValueHeads})`);
  }
  if (headDim % 2 !== 0) refuse(`\`headDim\` must be even, got ${headDim}`);
  if (!Number.isInteger(Math.log2(blockSize)) || blockSize < 16) {
    refuse(`\`blockSize\` must be a power of two from 16 on, got ${blockSize}`);
  }
  const sections = mropeSections?.reduce((sum, size) => sum + size, 0);
  if (sections !== undefined && sections !== headDim / 2) {
    refuse(`\`mropeSections\` must add up to half of \`headDim\`, ${headDim / 2}, got ${sections}`);
  }
  // ONNX Runtime's kernel turns 16 numbers at a time.
  if (style === 'group-query-attention' && mropeSections === undefined && headDim % 16 !== 0) {
    refuse(
      `style 'group-query-attention' needs a \`headDim\` that is a multiple of 16, got ${headDim}`,
    );
  }
  return resolved;
}

function refuse(problem: string): never {
  throw new OnnxAutogradError('invalid-argument', `Cannot generate the decoder: ${problem}.`);
}
