import type { PolicyLossSettings } from '../settings.js';
import { addRowShare, meanShare } from './clip-metrics.js';
import { tokenCovariances } from './covariance.js';
import type { LossType, SelectionInput } from './types.js';

/** The tokens of greatest covariance, the given share of all and at least one. */
function chooseTokens(
  input: SelectionInput,
  settings: PolicyLossSettings,
): readonly (readonly [number, number])[] {
  const tokens = tokenCovariances(input);
  const count = Math.max(1, Math.trunc(tokens.length * settings.klCovRatio));
  return tokens
    .sort((a, b) => b.covariance - a.covariance)
    .slice(0, count)
    .map(({ row, position }) => [row, position]);
}

/** KL-Cov: no clip; the tokens of greatest covariance pay a penalty |d|, which keeps entropy up. */
export const klCov: LossType = {
  name: 'kl_cov',
  source: 'L = −wA, + c·|d| on chosen tokens; Cui et al. (2505.22617), verl `kl_cov`',
  aggregation: 'token-mean',
  importanceSamplingLevel: 'token',
  gradient: 'ratio',
  logRatioBounds: null,
  usesRatio: true,
  capsRatio: false,
  engineCorrection: 'multiply',
  entropyMask: 'multiply',
  defaults: {},
  select: chooseTokens,
  terms({ length, ratio, logRatio, advantages, selected }, { klCovCoef }, { value, derivative }) {
    for (let t = 0; t < length; t += 1) {
      const penalty = selected[t] === 0 ? 0 : klCovCoef;
      const slope = -advantages[t]! * ratio[t]!;
      value[t] = slope + penalty * Math.abs(logRatio[t]!);
      derivative[t] = slope + penalty * Math.sign(logRatio[t]!);
    }
  },
  observe({ length, tokens, logRatio, mask }, _settings, tally) {
    let sum = 0;
    for (let t = 0; t < length; t += 1) if (mask[t] !== 0) sum += Math.abs(logRatio[t]!);
    addRowShare(tally, 'kl', sum, tokens);
  },
  metrics: (tally) => ({ 'actor/ppo_kl': meanShare(tally, 'kl') }),
};
