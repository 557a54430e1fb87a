import type { AttributionInput } from '../input.js';
import type { AttributionModel, FloatArray } from '../model.js';

/** What a baseline may look at. */
export interface BaselineContext {
  readonly model: AttributionModel;
  readonly input: AttributionInput;
  /** `[P, H]`: the prompt's own embeddings; not to be written. */
  readonly embeddings: FloatArray;
  readonly tokens: number;
  readonly hiddenSize: number;
  /** The rows to fill: the tokens of one modality. */
  readonly rows: readonly number[];
  readonly signal?: AbortSignal;
}

/** The point from which attribution starts: what a prompt without information looks like. */
export interface Baseline {
  readonly name: string;
  readonly parameters?: Readonly<Record<string, number | boolean>>;
  /** Writes the rows `context.rows` of `baseline`, `[P, H]`. */
  fill(context: BaselineContext, baseline: FloatArray): Promise<void> | void;
}

/** Writes one row, `[H]`, into each of the context's rows. */
export function fillRows(
  context: BaselineContext,
  baseline: FloatArray,
  row: ArrayLike<number>,
): void {
  for (const token of context.rows) baseline.set(row, token * context.hiddenSize);
}
