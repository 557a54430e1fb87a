import type { FloatArray } from '../model.js';
import type { Objective } from '../objective.js';
import type { AttributionMethod } from './method.js';
import { requireInteger, requireRange, requireSpace } from './requirements.js';

/** Distances closer than this count as equal (the authors' value). */
const epsilon = 1e-9;

/**
 * Integrated gradients along a path that moves the coordinates with the smallest gradient first, within a band of
 * `maximumDistance` around the straight path. The points depend on each other, so they cannot be batched.
 *
 * @see Kapishnikov et al., "Guided Integrated Gradients", CVPR 2021, https://arxiv.org/abs/2106.09788; the loop is
 *   that of the authors' description, with a left-point rule, so the scores add up in the limit of many steps only.
 */
export const guidedIntegratedGradients: AttributionMethod = {
  name: 'guidedIntegratedGradients',
  family: 'gradient',
  needs: ['gradients'],
  usesBaseline: true,
  completeness: 'limit',
  // The authors use 200 steps; 50 is a quarter of the price, and the delta tells when it is too few.
  defaults: { steps: 50, fraction: 0.25, maximumDistance: 0.02 },
  cost: (_size, { steps = 50 }) => ({ forwards: steps, backwards: steps }),
  attribute: async (context) => {
    const { settings } = context;
    const steps = requireInteger('steps', settings.steps ?? 50, 1);
    const fraction = requireRange('fraction', settings.fraction ?? 0.25, 0, 1);
    const maximumDistance = requireRange('maximumDistance', settings.maximumDistance ?? 0.02, 0, 1);
    const { objective, input, baseline } = requireSpace(context);
    const start = Float64Array.from(await baseline());
    const end = Float64Array.from(input);
    const current = start.slice();
    const scores = new Float64Array(end.length);
    const total = distance(start, end);
    if (total === 0) return { level: 'dimensions', scores, steps };
    for (let step = 1; step <= steps; step++) {
      const gradient = await gradientAt(objective, current);
      const alpha = step / steps;
      walk({
        current,
        gradient,
        scores,
        start,
        end,
        lowest: Math.max(alpha - maximumDistance, 0),
        highest: Math.min(alpha + maximumDistance, 1),
        wanted: total * (1 - alpha),
        fraction,
      });
    }
    return { level: 'dimensions', scores, steps };
  },
};

interface Walk {
  readonly current: Float64Array;
  readonly gradient: Float64Array;
  readonly scores: Float64Array;
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** The band: shares of the straight path that every coordinate must have covered at least, at most. */
  readonly lowest: number;
  readonly highest: number;
  /** L1 distance to the end that the step must leave. */
  readonly wanted: number;
  readonly fraction: number;
}

/** One step: moves coordinates until the wanted distance is left, and credits each move with its gradient. */
function walk(options: Walk): void {
  const { current, gradient, scores, start, end, lowest, highest, wanted, fraction } = options;
  const size = current.length;
  const sizes = gradient.map(Math.abs);
  const limit = end.map((value, at) => start[at]! + (value - start[at]!) * highest);
  for (;;) {
    const old = current.slice();
    for (let at = 0; at < size; at++) {
      const span = end[at]! - start[at]!;
      const covered = span === 0 ? highest : (current[at]! - start[at]!) / span;
      if (covered < lowest) current[at] = start[at]! + span * lowest;
    }
    const left = distance(current, end);
    if (isClose(left, wanted)) {
      credit(scores, gradient, current, old);
      return;
    }
    for (let at = 0; at < size; at++) {
      if (current[at] === limit[at]) sizes[at] = Number.POSITIVE_INFINITY;
    }
    const threshold = lowerQuantile(sizes, fraction);
    const chosen = Array.from(
      sizes,
      (value) => value <= threshold && value !== Number.POSITIVE_INFINITY,
    );
    let reach = 0;
    for (let at = 0; at < size; at++) if (chosen[at]) reach += Math.abs(current[at]! - limit[at]!);
    const share = reach > 0 ? (left - wanted) / reach : Number.POSITIVE_INFINITY;
    for (let at = 0; at < size; at++) {
      if (!chosen[at]) continue;
      current[at] = share > 1 ? limit[at]! : current[at]! + (limit[at]! - current[at]!) * share;
    }
    credit(scores, gradient, current, old);
    // Nothing can move any more: rounding left the wanted distance just out of reach.
    if (share <= 1 || reach === 0) return;
  }
}

function credit(
  scores: Float64Array,
  gradient: Float64Array,
  current: Float64Array,
  old: Float64Array,
): void {
  for (let at = 0; at < scores.length; at++)
    scores[at]! += (current[at]! - old[at]!) * gradient[at]!;
}

async function gradientAt(objective: Objective, position: FloatArray): Promise<Float64Array> {
  let result = new Float64Array();
  await objective.differentiate(
    1,
    (_, point) => point.set(position),
    (_index, _value, gradient) => {
      result = Float64Array.from(gradient);
    },
  );
  return result;
}

function distance(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, at) => sum + Math.abs(value - b[at]!), 0);
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.max(epsilon * Math.max(Math.abs(a), Math.abs(b)), epsilon);
}

/** The largest value at or below the quantile (numpy's `lower`). */
function lowerQuantile(values: Float64Array, fraction: number): number {
  const sorted = values.slice().sort();
  return sorted[Math.floor(fraction * (sorted.length - 1))]!;
}
