import { RlError } from '../errors.js';
import type { AdvantageInput } from './types.js';

/** Rewards with groups resolved. NaN stands for a reward that is missing. */
export interface ScoredGroups {
  /** `[N][K]`. */
  readonly perFunction: readonly Float64Array[];
  readonly weights: readonly number[];
  readonly names: readonly string[];
  /** Σ_k w_k r_k with missing ones as 0; NaN where all are missing. `[N]`. */
  readonly combined: Float64Array;
  /** Rows of each group. */
  readonly groups: readonly (readonly number[])[];
}

function matrixOf(rewards: AdvantageInput['rewards']): (readonly (number | null)[])[] {
  return rewards.map((entry) => (typeof entry === 'object' && entry !== null ? entry : [entry]));
}

function numberOf(value: number | null, i: number, k: number): number {
  if (value === null) return Number.NaN;
  if (Number.isFinite(value)) return value;
  throw new RlError(
    'invalid-reward',
    `Reward ${k} of sequence ${i} is ${value}; return a finite number, or null when it cannot be scored.`,
    { details: { row: i, rewardFunction: k, value } },
  );
}

function groupRows(input: AdvantageInput, count: number): number[][] {
  const { groups, groupSize } = input;
  if (groups !== undefined) {
    if (groups.length !== count) {
      throw new RlError(
        'shape-mismatch',
        `Shape mismatch in "groups": expected [N] = [${count}], got [${groups.length}].`,
      );
    }
    const byGroup = new Map<string | number, number[]>();
    groups.forEach((group, i) => {
      const rows = byGroup.get(group) ?? [];
      rows.push(i);
      byGroup.set(group, rows);
    });
    return [...byGroup.values()];
  }
  if (groupSize === undefined) {
    throw new RlError('missing-input', 'Give `groupSize` or `groups`: which rows share a prompt?');
  }
  if (!Number.isInteger(groupSize) || groupSize < 1 || count % groupSize !== 0) {
    throw new RlError(
      'invalid-argument',
      `\`groupSize\` must be a positive integer that divides the ${count} sequences, got ${groupSize}.`,
    );
  }
  return Array.from({ length: count / groupSize }, (_, g) =>
    Array.from({ length: groupSize }, (__, j) => g * groupSize + j),
  );
}

/** Checks rewards, applies the weights and finds the groups. */
export function scoreGroups(input: AdvantageInput): ScoredGroups {
  const matrix = matrixOf(input.rewards);
  const functions = matrix[0]?.length ?? input.weights?.length ?? 1;
  const weights = input.weights ?? Array.from({ length: functions }, () => 1);
  const names = input.rewardNames ?? weights.map((_, k) => `func${k}`);
  if (weights.length !== functions || names.length !== functions) {
    throw new RlError(
      'shape-mismatch',
      `Expected ${functions} weights and names, one a reward function; got ${weights.length} and ${names.length}.`,
    );
  }
  const perFunction = matrix.map((row, i) => {
    if (row.length !== functions) {
      throw new RlError(
        'shape-mismatch',
        `Shape mismatch in "rewards": row ${i} should have ${functions} rewards, got ${row.length}.`,
      );
    }
    return Float64Array.from(row, (value, k) => numberOf(value, i, k));
  });
  const combined = Float64Array.from(perFunction, (row) => {
    if (row.every(Number.isNaN)) return Number.NaN;
    return row.reduce((sum, r, k) => (Number.isNaN(r) ? sum : sum + weights[k]! * r), 0);
  });
  return { perFunction, weights, names, combined, groups: groupRows(input, matrix.length) };
}
