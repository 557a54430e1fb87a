import { AttributionError } from '../errors.js';
import { lookUp } from '../look-up.js';
import type { FloatArray } from '../model.js';
import type { Objective } from '../objective.js';
import { type QuadratureName, quadratures } from '../quadratures/index.js';
import type { Quadrature } from '../quadratures/quadrature.js';
import type { MethodSettings } from './method.js';
import { requireInteger, requireRange } from './requirements.js';

export interface PathIntegral {
  /** `[P, H]`: Σ_k w_k ∂F/∂x at the path's points, not multiplied by (x − x′). */
  readonly meanGradient: Float64Array;
  /** Evaluations of the last pass. */
  readonly steps: number;
  /** Σ (x − x′) ⊙ meanGradient. */
  readonly sum: number;
}

interface PathDefaults extends MethodSettings {
  readonly steps: number;
  readonly maximumSteps: number;
  readonly tolerance: number;
  readonly quadrature: QuadratureName;
}

/** Adaptive by default: 8 points, doubled up to 64 while the delta is above 5 %. */
export const pathDefaults: PathDefaults = {
  steps: 8,
  // Beyond it a path that has not settled is usually ill-posed (RMSNorm at 0), and more points do not help.
  maximumSteps: 64,
  // Half of the 10 % at which a sample's reward should be dropped (notes on the completeness delta).
  tolerance: 0.05,
  quadrature: 'gaussLegendre',
};

/**
 * Integrates the gradient along the straight path, doubling the points until |sum − (F(x) − F(x′))| is at most
 * `tolerance` · |F(x) − F(x′)| or `maximumSteps` is reached.
 */
export async function integratePath(
  objective: Objective,
  start: FloatArray,
  end: FloatArray,
  settings: MethodSettings,
  /** F(end) − F(start); asked for only when the steps may grow. */
  difference: () => Promise<number>,
): Promise<PathIntegral> {
  const plan = planSteps(settings);
  let steps = plan.first;
  for (;;) {
    const result = await integrateOnce(objective, start, end, plan.quadrature, steps);
    if (steps >= plan.most) return result;
    const wanted = await difference();
    if (Math.abs(result.sum - wanted) <= plan.tolerance * Math.abs(wanted)) return result;
    steps = Math.min(plan.most, steps * 2);
  }
}

/** `steps` alone fixes the number of points; without it, or with `maximumSteps` above it, they are adaptive. */
export function settlePath(given: MethodSettings): MethodSettings {
  const steps = given.steps ?? pathDefaults.steps;
  const fallback = given.steps === undefined ? pathDefaults.maximumSteps : steps;
  return { ...pathDefaults, ...given, steps, maximumSteps: given.maximumSteps ?? fallback };
}

/** Settled step settings, checked. */
function planSteps(settings: MethodSettings): {
  first: number;
  most: number;
  tolerance: number;
  quadrature: Quadrature;
} {
  const quadrature = lookUp<Quadrature>(
    'quadrature',
    quadratures,
    settings.quadrature ?? pathDefaults.quadrature,
  );
  const first = requireInteger(
    'steps',
    settings.steps ?? pathDefaults.steps,
    quadrature.minimumSteps,
  );
  const most = requireInteger(
    'maximumSteps',
    settings.maximumSteps ?? pathDefaults.maximumSteps,
    1,
  );
  if (most < first) {
    throw new AttributionError(
      'bad-option',
      `\`maximumSteps\` must be at least \`steps\`: expected ${first} or more, got ${most}.`,
    );
  }
  const tolerance = requireRange('tolerance', settings.tolerance ?? pathDefaults.tolerance, 0, 1e6);
  return { first, most, tolerance, quadrature };
}

/** Evaluations of all passes together when no pass converges. */
export function mostEvaluations(settings: MethodSettings): number {
  const { first, most, quadrature } = planSteps(settings);
  let total = quadrature.rule(first).alphas.length;
  for (let steps = first; steps < most; ) {
    steps = Math.min(most, steps * 2);
    total += quadrature.rule(steps).alphas.length;
  }
  return total;
}

async function integrateOnce(
  objective: Objective,
  start: FloatArray,
  end: FloatArray,
  quadrature: Quadrature,
  steps: number,
): Promise<PathIntegral> {
  const { alphas, weights } = quadrature.rule(steps);
  const meanGradient = new Float64Array(end.length);
  await objective.differentiate(
    alphas.length,
    (index, point) => interpolate(start, end, alphas[index]!, point),
    (index, _value, gradient) => {
      const weight = weights[index]!;
      for (let at = 0; at < meanGradient.length; at++) meanGradient[at]! += weight * gradient[at]!;
    },
  );
  let sum = 0;
  for (let at = 0; at < meanGradient.length; at++)
    sum += (end[at]! - start[at]!) * meanGradient[at]!;
  return { meanGradient, steps: alphas.length, sum };
}

/** point = start + α (end − start). */
export function interpolate(
  start: FloatArray,
  end: FloatArray,
  alpha: number,
  point: FloatArray,
): void {
  for (let at = 0; at < point.length; at++)
    point[at] = start[at]! + alpha * (end[at]! - start[at]!);
}
