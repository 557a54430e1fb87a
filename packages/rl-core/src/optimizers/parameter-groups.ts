import { RlError } from '../errors.js';
import type { NamedArrays, ParameterGroup, StepOptions } from './types.js';

/** One parameter with what its group says. */
export interface ParameterUpdate {
  readonly name: string;
  readonly parameter: Float32Array;
  readonly gradient: Float32Array;
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** The parameters that have a gradient, in the order of `parameters`, checked. */
export function parameterUpdates(
  parameters: NamedArrays,
  gradients: NamedArrays,
  options: StepOptions,
  settings: { groups: readonly ParameterGroup[]; weightDecay: number },
): ParameterUpdate[] {
  const { learningRate } = options;
  if (!Number.isFinite(learningRate)) {
    throw new RlError('invalid-argument', `\`learningRate\` must be finite, got ${learningRate}.`);
  }
  for (const name of Object.keys(gradients)) {
    if (!Object.hasOwn(parameters, name)) {
      throw new RlError(
        'unknown-name',
        `There is a gradient for "${name}", but no such parameter.`,
      );
    }
  }
  const updates: ParameterUpdate[] = [];
  for (const [name, parameter] of Object.entries(parameters)) {
    const gradient = gradients[name];
    if (gradient === undefined) continue;
    if (gradient.length !== parameter.length) {
      throw new RlError(
        'shape-mismatch',
        `Shape mismatch in the gradient of "${name}": expected ${parameter.length} numbers, got ${gradient.length}.`,
      );
    }
    const group = settings.groups.find(({ match }) => match(name));
    updates.push({
      name,
      parameter,
      gradient,
      learningRate: learningRate * (group?.learningRateScale ?? 1),
      weightDecay: group?.weightDecay ?? settings.weightDecay,
    });
  }
  return updates;
}
