import { AttributionError } from '../errors.js';
import type { AttributionInput } from '../input.js';
import type { AttributionModel } from '../model.js';
import type { AttributeOptions } from '../options.js';
import { listNoise, type NoiseOptions, openNoiseSpace } from './noise-space.js';

export interface InfidelityOptions
  extends NoiseOptions,
    Pick<AttributeOptions, 'target' | 'tokenWeights' | 'maximumBatch' | 'signal'> {
  /** `[P · H]`, in units of F per unit of embedding (gradients; path methods with `multiplyByInputs: false`). */
  readonly attributions: ArrayLike<number>;
  /** Standard deviation of the drawn noise. Default 0.1. */
  readonly noiseScale?: number;
  /** Rescale the attributions by the factor that fits best, to compare methods of different scale. Default false. */
  readonly rescale?: boolean;
}

/**
 * Mean over perturbations p of (Σ φ ⊙ p − (F(x) − F(x − p)))²: 0 for attributions that predict every small change.
 *
 * @see Yeh et al., "On the (In)fidelity and Sensitivity of Explanations", 2019, https://arxiv.org/abs/1901.09392
 */
export async function infidelity<Prompt>(
  model: AttributionModel<Prompt>,
  input: AttributionInput<Prompt>,
  options: InfidelityOptions,
): Promise<number> {
  const { attributions, noiseScale = 0.1, rescale = false } = options;
  const { objective, source } = await openNoiseSpace(model, input, options);
  const size = source.embeddings.length;
  if (attributions.length !== size) {
    throw new AttributionError(
      'bad-input',
      `\`attributions\` must be [P, H] = ${size} numbers, got ${attributions.length}.`,
    );
  }
  const noise = listNoise('infidelity', size, options, (random) => noiseScale * random.normal());
  const values = await objective.values(noise.length + 1, (index, point) => {
    const tensor = noise[index - 1];
    for (let at = 0; at < size; at++) point[at] = source.embeddings[at]! - (tensor?.[at] ?? 0);
  });
  const predicted = noise.map((tensor) =>
    tensor.reduce((sum, value, at) => sum + value * attributions[at]!, 0),
  );
  const actual = noise.map((_, index) => values[0]! - values[index + 1]!);
  const square = predicted.reduce((sum, value) => sum + value * value, 0);
  const dot = predicted.reduce((sum, value, index) => sum + value * actual[index]!, 0);
  const factor = rescale && square > 0 ? dot / square : 1;
  return (
    predicted.reduce((sum, value, index) => sum + (factor * value - actual[index]!) ** 2, 0) /
    noise.length
  );
}
