import { AttributionError } from '../errors.js';

/** A distance between two block distributions, in nats (total variation: in [0, 1]). */
export interface Divergence {
  readonly name: string;
  /** Added to every share of both sides before renormalizing, so that a zero share stays finite; 0 = none. */
  readonly smoothing: number;
  compute(p: readonly number[], q: readonly number[]): number;
}

/** 1e-6 as in the reference cases: caps the divergence of disjoint distributions at about 13.8 nats. */
const defaultSmoothing = 1e-6;

/** KL(p ‖ q) = Σ p ln(p/q); p the student, q the teacher. */
export function klWith({ smoothing = defaultSmoothing }: { smoothing?: number } = {}): Divergence {
  return smoothed('kl', smoothing, (p, q) => relativeEntropy(p, q));
}

/** KL(q ‖ p): forgives the student for blocks that it alone uses less than KL(p ‖ q) does. */
export function reverseKlWith({
  smoothing = defaultSmoothing,
}: {
  smoothing?: number;
} = {}): Divergence {
  return smoothed('reverseKl', smoothing, (p, q) => relativeEntropy(q, p));
}

/** ½ KL(p ‖ m) + ½ KL(q ‖ m), m = (p + q)/2: bounded by ln 2, finite without smoothing. */
const jensenShannon: Divergence = smoothed('jensenShannon', 0, (p, q) => {
  const middle = p.map((value, index) => (value + q[index]!) / 2);
  return (relativeEntropy(p, middle) + relativeEntropy(q, middle)) / 2;
});

/** ½ Σ |p − q|. */
const totalVariation: Divergence = smoothed('totalVariation', 0, (p, q) =>
  p.reduce((sum, value, index) => sum + Math.abs(value - q[index]!) / 2, 0),
);

/** Divergences by name; `klWith` and `reverseKlWith` take another smoothing. */
export const divergences: Readonly<Record<DivergenceName, Divergence>> = {
  kl: klWith(),
  reverseKl: reverseKlWith(),
  jensenShannon,
  totalVariation,
};

export type DivergenceName = 'kl' | 'reverseKl' | 'jensenShannon' | 'totalVariation';

function smoothed(
  name: string,
  smoothing: number,
  formula: (p: readonly number[], q: readonly number[]) => number,
): Divergence {
  if (!(smoothing >= 0 && Number.isFinite(smoothing))) {
    throw new AttributionError('bad-option', `\`smoothing\` must be at least 0, got ${smoothing}.`);
  }
  return {
    name,
    smoothing,
    compute: (p, q) => {
      if (p.length !== q.length || p.length === 0) {
        throw new AttributionError(
          'bad-input',
          `A divergence needs two distributions of the same, non-zero length, got ${p.length} and ${q.length}.`,
        );
      }
      const value = formula(smooth(p, smoothing), smooth(q, smoothing));
      if (!Number.isFinite(value)) {
        throw new AttributionError(
          'non-finite',
          `${name} with smoothing ${smoothing} is ${value}: a share is 0 on one side only, or not a share at all.`,
        );
      }
      return value;
    },
  };
}

/** p_ε = (p + ε) / Σ (p + ε). */
function smooth(p: readonly number[], epsilon: number): readonly number[] {
  if (epsilon === 0) return p;
  const total = p.reduce((sum, value) => sum + value + epsilon, 0);
  return p.map((value) => (value + epsilon) / total);
}

/** Σ p ln(p/q), with 0 ln 0 = 0. */
function relativeEntropy(p: readonly number[], q: readonly number[]): number {
  return p.reduce(
    (sum, value, index) => (value === 0 ? sum : sum + value * Math.log(value / q[index]!)),
    0,
  );
}
