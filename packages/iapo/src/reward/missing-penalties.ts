import { IapoError } from '../errors.js';

/** Why a sample has no divergence. */
export type MissingReason =
  | 'no-call'
  | 'not-explained'
  | 'failed'
  | 'degenerate'
  | 'not-converged'
  | 'gated';

/**
 * What a sample without a divergence gets: `none` no penalty, `group-mean` and `group-max` that of the explained
 * samples of its group (no penalty when there are none), a number that divergence.
 */
export type MissingRule = 'none' | 'group-mean' | 'group-max' | number;

/** Reasons that a rule can be given for; a gated sample has no penalty by definition. */
export type MissingRules = Readonly<Partial<Record<Exclude<MissingReason, 'gated'>, MissingRule>>>;

/**
 * The divergence that stands in for a missing one, or `null` for none.
 *
 * @param known Divergences of the explained samples of the group.
 * @throws {IapoError} `invalid-option` for a rule that is no rule.
 */
export function substitute(rule: MissingRule, known: readonly number[]): number | null {
  if (typeof rule === 'number') {
    if (Number.isFinite(rule) && rule >= 0) return rule;
    throw new IapoError('invalid-option', `A rule in \`missing\` must be at least 0, got ${rule}.`);
  }
  switch (rule) {
    case 'none':
      return null;
    case 'group-mean':
      return known.length === 0
        ? null
        : known.reduce((sum, value) => sum + value, 0) / known.length;
    case 'group-max':
      return known.length === 0 ? null : Math.max(...known);
    default:
      throw new IapoError(
        'invalid-option',
        `Unknown rule "${String(rule)}" in \`missing\`. Known: none, group-mean, group-max, a number.`,
      );
  }
}
