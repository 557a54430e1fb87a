import { geometricMeanTerms } from './geometric-mean.js';
import type { LossType } from './types.js';
import { observeVerl, verlMetrics } from './verl-metrics.js';

// verl adds it to the token count.
const GUARD = 1e-8;

/** GMPO as in verl, whose default clip is PPO's 0.2. */
export const geoMean: LossType = {
  name: 'geo_mean',
  source: 'L = −A·exp(Σ_t c_t m_t / (n + 1e-8)); GMPO (2507.20673), verl `geo_mean`',
  aggregation: 'grpo',
  importanceSamplingLevel: 'token',
  gradient: 'row',
  logRatioBounds: null,
  usesRatio: false,
  capsRatio: false,
  engineCorrection: 'multiply',
  entropyMask: 'inside',
  defaults: {},
  terms: (row, settings, out) => geometricMeanTerms(row, settings, out, GUARD),
  observe(row, { epsilonHigh, epsilonLow }, tally) {
    const high = epsilonHigh ?? epsilonLow;
    const isOutside = (t: number): boolean =>
      row.logRatio[t]! < -epsilonLow || row.logRatio[t]! > high;
    observeVerl(
      row,
      tally,
      (t) => isOutside(t) && row.advantages[t]! > 0,
      (t) => isOutside(t) && row.advantages[t]! < 0,
    );
  },
  metrics: verlMetrics,
};
