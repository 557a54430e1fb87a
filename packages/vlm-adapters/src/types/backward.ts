import type { EncodedPrompt } from './prompt.js';

/**
 * What to differentiate with respect to. `adapter`: the LoRA matrices. `weights`: everything that was loaded with
 * `trainable: 'weights'`. `promptEmbeddings`: the rows of the prompt. `pixelValues`: the pictures.
 */
export type BackwardTarget = 'adapter' | 'weights' | 'promptEmbeddings' | 'pixelValues';

export interface BackwardOptions {
  /** Logits are divided by it. Default 1. */
  readonly temperature?: number;
  /** Cotangents of the entropies, for an entropy bonus. Default: none. */
  readonly entropyCotangents?: readonly Float32Array[] | null;
  readonly signal?: AbortSignal | undefined;
}

interface BackwardScores {
  /** `[sequence][scored]`: log-probabilities of the same pass, nats. */
  readonly logprobs: readonly Float32Array[];
}

/** Gradients by parameter name, summed over all sequences. */
export interface ParameterGradients extends BackwardScores {
  readonly gradients: Record<string, Float32Array>;
}

/** `[sequence]`: `[prompt tokens, hidden]`. */
export interface EmbeddingGradients extends BackwardScores {
  readonly gradients: readonly Float32Array[];
}

/** `[sequence][picture]`: the shape of the picture's `pixel_values`. */
export interface PixelGradients extends BackwardScores {
  readonly gradients: readonly (readonly Float32Array[])[];
}

/** Several variants of one prompt's embeddings; what attribution asks of a model. */
export interface EmbeddingVariants {
  readonly prompt: EncodedPrompt;
  readonly completion: readonly number[];
  readonly count: number;
  readonly tokens: number;
  readonly hiddenSize: number;
  /** `[N, P, H]` */
  readonly embeddings: Float32Array | Float64Array;
  readonly quantity: 'logprob' | 'logit';
  readonly mask?: { readonly mode: 'remove' | 'attentionMask'; readonly keep: Uint8Array };
  readonly signal?: AbortSignal;
}

/** What `backward` gives for each target. */
export interface BackwardResults {
  readonly adapter: ParameterGradients;
  readonly weights: ParameterGradients;
  readonly promptEmbeddings: EmbeddingGradients;
  readonly pixelValues: PixelGradients;
}
