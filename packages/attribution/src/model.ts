/**
 * What attribution asks of a model. Everything is structural: any object with these members fits.
 *
 * Letters for shapes: `N` = points in a batch, `P` = prompt tokens, `H` = hidden size, `T` = completion tokens,
 * `S` = positions of the whole sequence (`P + T − 1`; the last completion token is never an input), `A` = heads.
 * Flat arrays are row-major. Log-probabilities are natural logarithms.
 */

export type FloatArray = Float32Array | Float64Array;
export type Awaitable<T> = T | Promise<T>;

/** What is read at a completion token: its log-probability, or its raw logit. */
export type ScoreQuantity = 'logprob' | 'logit';

/** How absent tokens are made absent. `baseline` replaces their embedding rows and keeps every position. */
export type MaskMode = 'baseline' | 'remove' | 'attentionMask';

export interface PromptEmbeddings {
  /** `[P, H]`: text rows from the embedding table, image rows from the projector. */
  readonly embeddings: FloatArray;
  readonly tokens: number;
  readonly hiddenSize: number;
}

/** Several variants of one prompt's embeddings, scored against the same completion. */
export interface EmbeddingBatch<Prompt = unknown> {
  /** The input's prompt, untouched: the model finds its positions, masks and image grids there. */
  readonly prompt: Prompt;
  /** Token ids of the completion; the model embeds them itself and never interpolates them. */
  readonly completion: readonly number[];
  readonly count: number;
  readonly tokens: number;
  readonly hiddenSize: number;
  /** `[N, P, H]`, of the type that `embed` returned. Reused after the call: copy what must be kept. */
  readonly embeddings: FloatArray;
  readonly quantity: ScoreQuantity;
  /** Only with a mask mode that the model lists in `maskModes`: `[N, P]`, 1 = present. */
  readonly mask?: { readonly mode: 'remove' | 'attentionMask'; readonly keep: Uint8Array };
  readonly signal?: AbortSignal;
}

export interface GradientBatch<Prompt = unknown> extends EmbeddingBatch<Prompt> {
  /** `[N, T]`: the gradient asked for is that of `Σ_t weights[n, t] · score[n, t]`. */
  readonly weights: Float64Array;
}

export interface GradientOutput {
  /** `[N, T]`: scores of the completion tokens, in the asked quantity. */
  readonly logprobs: FloatArray;
  /** `[N, P, H]`. */
  readonly gradients: FloatArray;
}

/** One prompt with a completion, for models that see prompts and not embeddings. */
export interface PromptSequence<Prompt = unknown> {
  readonly prompt: Prompt;
  readonly completion: readonly number[];
}

/** Log-probabilities of one completion's tokens, bare or in a record. */
export type SequenceLogprobs = ArrayLike<number> | { readonly logprobs: ArrayLike<number> };

export interface AttentionRequest<Prompt = unknown> {
  readonly prompt: Prompt;
  readonly completion: readonly number[];
  readonly embeddings: FloatArray; // [P, H]
  /** `[T]`: when given, `gradients` must hold `∂ Σ_t weights[t] · log p(y_t) / ∂ attention`. */
  readonly weights?: Float64Array;
  readonly signal?: AbortSignal;
}

export interface AttentionOutput {
  readonly heads: number;
  /** `S`; row `P − 1 + t` is the position that predicts completion token `t`. */
  readonly positions: number;
  /** One `[A, S, S]` array a layer: attention after the softmax. */
  readonly layers: readonly FloatArray[];
  readonly gradients?: readonly FloatArray[];
}

export interface LayerOutputRequest<Prompt = unknown> {
  readonly prompt: Prompt;
  readonly completion: readonly number[];
  readonly embeddings: FloatArray; // [P, H]
  readonly layer: number;
  /** Position whose value vectors are zero in this layer, all heads; `null` for the plain output. */
  readonly zeroedPosition: number | null;
  readonly signal?: AbortSignal;
}

export interface EmbeddingStatistics {
  /** `[H]`: mean of all rows of the embedding table. */
  readonly mean: FloatArray;
  /** Median of the rows' L2 norms. */
  readonly medianNorm: number;
}

/**
 * A model for {@link attribute}. Every member is optional, because methods need different ones; a method that
 * finds a member missing is refused with the reason.
 *
 * The member names do not collide with a generation interface, so one object can be both.
 */
export interface AttributionModel<Prompt = unknown> {
  /** Kept in every result; compare and caches rely on it. Default `'unnamed'`. */
  readonly id?: string;
  /** Kept in every result, e.g. `'float32'` or `'q4'`. Default: the type of the embeddings. */
  readonly dtype?: string;
  /** Most points that one batched call should hold; unset: as many as 256 MiB of embeddings hold. */
  readonly maximumBatch?: number;
  /** Quantities that the model can score. Default: log-probabilities only. */
  readonly quantities?: readonly ScoreQuantity[];
  /** Mask modes that batched calls understand besides `baseline`. Default: none. */
  readonly maskModes?: readonly ('remove' | 'attentionMask')[];

  /** Scores prompts as they are: all that perturbation methods need, e.g. of a model behind an API. */
  logprobs?(sequences: readonly PromptSequence<Prompt>[]): Awaitable<readonly SequenceLogprobs[]>;

  /** Embeddings of a prompt, `[P, H]`; `image` asks for the same prompt with its pictures grey or blurred. */
  embed?(prompt: Prompt, options?: { image?: ImageVariant }): Awaitable<PromptEmbeddings>;
  /** Forward only, `[N, T]`. Without it, `gradients` is called and its gradient dropped. */
  embeddingLogprobs?(batch: EmbeddingBatch<Prompt>): Awaitable<FloatArray>;
  /** Forward and one backward a point. */
  gradients?(batch: GradientBatch<Prompt>): Awaitable<GradientOutput>;

  attention?(request: AttentionRequest<Prompt>): Awaitable<AttentionOutput>;
  /** Layers that `layerOutputs` knows. */
  readonly layerCount?: number;
  /** `[S, H]`: hidden states after a layer, given that layer's ordinary input. */
  layerOutputs?(request: LayerOutputRequest<Prompt>): Awaitable<FloatArray>;

  /** Rows of the embedding table, `[ids.length, H]`. */
  embedTokens?(ids: readonly number[]): Awaitable<FloatArray>;
  embeddingStatistics?(): Awaitable<EmbeddingStatistics>;
  readonly padTokenId?: number;
  readonly imageVariants?: readonly ImageVariant[];
}

/** Pictures that a vision tower can be shown instead of the real ones. */
export type ImageVariant = 'grey' | 'blurred';

/** The members that gradient methods need; a hand-written one takes 20 lines (README). */
export type DifferentiableModel<Prompt = unknown> = AttributionModel<Prompt> &
  Required<Pick<AttributionModel<Prompt>, 'embed' | 'gradients'>>;
