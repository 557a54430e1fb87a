import { AttributionError } from '../errors.js';
import { firstNonFinite } from '../first-non-finite.js';
import { type AttributionInput, listModalities, type Modality } from '../input.js';
import { lookUp } from '../look-up.js';
import type { AttributionModel, FloatArray, PromptEmbeddings } from '../model.js';
import type { Baseline } from './baseline.js';
import { baselines } from './index.js';

/** One baseline for all tokens, or one for each modality; by name or as an object. */
export type BaselineChoice =
  | string
  | Baseline
  | { readonly text: string | Baseline; readonly image: string | Baseline };

/** Text rows: what a token is on average. Image rows: the mean image token, since text rows mean nothing there. */
const defaults = { text: 'vocabularyMean', image: 'imageMean' } as const;

/** The baseline of each modality, as objects. */
export function chooseBaselines(
  choice: BaselineChoice = defaults,
): Readonly<Record<Modality, Baseline>> {
  const perModality =
    typeof choice === 'object' && 'text' in choice ? choice : { text: choice, image: choice };
  return {
    text: lookUp<Baseline>('baseline', baselines, perModality.text),
    image: lookUp<Baseline>('baseline', baselines, perModality.image),
  };
}

/** A stable text for results: what the baseline of each modality is. */
export function describeBaselines(
  chosen: Readonly<Record<Modality, Baseline>>,
): Record<Modality, string> {
  const describe = ({ name, parameters }: Baseline): string =>
    parameters === undefined ? name : `${name}(${JSON.stringify(parameters)})`;
  return { text: describe(chosen.text), image: describe(chosen.image) };
}

/** Builds the baseline point, `[P, H]`, of the embeddings' type. */
export async function buildBaseline(
  chosen: Readonly<Record<Modality, Baseline>>,
  model: AttributionModel,
  input: AttributionInput,
  source: PromptEmbeddings,
  signal: AbortSignal | undefined,
): Promise<FloatArray> {
  const modalities = listModalities(input);
  const point = source.embeddings.slice();
  for (const modality of ['text', 'image'] as const) {
    const rows: number[] = [];
    for (const [index, value] of modalities.entries()) {
      if (value === modality) rows.push(index);
    }
    if (rows.length === 0) continue;
    const { embeddings, tokens, hiddenSize } = source;
    const context = { model, input, embeddings, tokens, hiddenSize, rows };
    await chosen[modality].fill(signal === undefined ? context : { ...context, signal }, point);
  }
  const broken = firstNonFinite(point);
  if (broken >= 0) {
    throw new AttributionError(
      'non-finite',
      `The baseline is ${point[broken]} for prompt token ${Math.floor(broken / source.hiddenSize)}.`,
    );
  }
  return point;
}
