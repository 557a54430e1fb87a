import { AttributionError } from '../errors.js';
import type { MethodContext } from './method.js';
import { requireInteger, requireRange, requireSpace } from './requirements.js';

/** Noise tensors `[P · H]` for methods that average over a neighborhood: given ones, or seeded normal draws. */
export function drawNoise(
  { settings, random, space }: MethodContext,
  name: string,
  defaults: { samples: number; noiseScale: number },
): Float64Array[] {
  const size = space?.input.length ?? 0;
  if (settings.noise !== undefined) {
    return settings.noise.map((tensor, index) => {
      if (tensor.length !== size) {
        throw new AttributionError(
          'bad-option',
          `\`noise[${index}]\` must be [P, H] = ${size} numbers, got ${tensor.length}.`,
        );
      }
      return Float64Array.from(tensor);
    });
  }
  const samples = requireInteger('samples', settings.samples ?? defaults.samples, 1);
  const scale = requireRange('noiseScale', settings.noiseScale ?? defaults.noiseScale, 0, 1e6);
  return Array.from({ length: samples }, (_, sample) => {
    const stream = random.split(name, 'noise', sample);
    return Float64Array.from({ length: size }, () => (scale === 0 ? 0 : scale * stream.normal()));
  });
}

/** Calls `visit` with the gradient of F at input + noise, for each tensor. */
export async function visitNoisyGradients(
  context: MethodContext,
  noise: readonly Float64Array[],
  visit: (gradient: ArrayLike<number>) => void,
): Promise<void> {
  const { objective, input } = requireSpace(context);
  await objective.differentiate(
    noise.length,
    (index, point) => {
      const tensor = noise[index];
      for (let at = 0; at < point.length; at++) point[at] = input[at]! + (tensor?.[at] ?? 0);
    },
    (_index, _value, gradient) => visit(gradient),
  );
}
