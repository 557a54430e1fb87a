import { attribute } from '../attribute.js';
import { callModel } from '../call-model.js';
import { AttributionError } from '../errors.js';
import type { AttributionInput } from '../input.js';
import type { AttributionModel } from '../model.js';
import type { AttributeOptions } from '../options.js';
import { listNoise } from './noise-space.js';

export interface MaximumSensitivityOptions extends Omit<AttributeOptions, 'noise' | 'samples'> {
  /** Perturbations of the input, each `[P · H]`, instead of random ones. */
  readonly noise?: readonly ArrayLike<number>[];
  /** Random perturbations. Default 10, as Captum. */
  readonly perturbations?: number;
  /** Half-width of the uniform perturbation. Default 0.02, as Captum. */
  readonly radius?: number;
}

/**
 * max over small perturbations r of ‖φ(x + r) − φ(x)‖ / ‖φ(x)‖: how much an explanation moves when the input hardly
 * does. φ is taken at the level that the method gives (dimensions, else tokens).
 *
 * @returns The maximum and the value of each perturbation.
 * @throws {AttributionError} `degenerate` when φ(x) is 0 everywhere.
 * @see Yeh et al., 2019, https://arxiv.org/abs/1901.09392
 */
export async function maximumSensitivity<Prompt>(
  model: AttributionModel<Prompt>,
  input: AttributionInput<Prompt>,
  options: MaximumSensitivityOptions = {},
): Promise<{ maximum: number; values: readonly number[] }> {
  const { noise, perturbations = 10, radius = 0.02, ...rest } = options;
  const source = await callModel('embed', rest.signal, () => model.embed?.(input.prompt));
  if (source === undefined) {
    throw new AttributionError('unsupported', 'maximumSensitivity needs a model with `embed`.');
  }
  const given = noise === undefined ? {} : { noise };
  const tensors = listNoise(
    'maximumSensitivity',
    source.embeddings.length,
    { ...given, samples: perturbations, seed: rest.seed ?? 0 },
    (random) => radius * (2 * random.uniform() - 1),
  );
  const explain = async (shift: ArrayLike<number> | null): Promise<readonly number[]> => {
    const shifted = shift === null ? model : shiftEmbeddings(model, shift);
    const result = await attribute(shifted, input, { ...rest, keepDimensions: true });
    return result.dimensions ?? result.tokens.scores;
  };
  const plain = await explain(null);
  const size = norm(plain);
  if (size === 0) {
    throw new AttributionError(
      'degenerate',
      'The attribution is 0 everywhere: its sensitivity is 0/0.',
    );
  }
  const values: number[] = [];
  for (const tensor of tensors) {
    const moved = await explain(tensor);
    values.push(norm(moved.map((value, at) => value - plain[at]!)) / size);
  }
  return { maximum: values.reduce((largest, value) => Math.max(largest, value), 0), values };
}

/** The same model, prompts embedded a little to the side. Members are called on the original object. */
function shiftEmbeddings<Prompt>(
  model: AttributionModel<Prompt>,
  shift: ArrayLike<number>,
): AttributionModel<Prompt> {
  return new Proxy(model, {
    get: (target, name) => {
      // `Reflect.get` is untyped; the value is handed on as it is.
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'embed') return value.bind(target);
      return async (...parameters: Parameters<NonNullable<AttributionModel<Prompt>['embed']>>) => {
        const source = await target.embed?.(...parameters);
        if (source === undefined) return source;
        const embeddings = source.embeddings.slice();
        for (let at = 0; at < embeddings.length; at++) embeddings[at]! += shift[at]!;
        return { ...source, embeddings };
      };
    },
  });
}

function norm(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
