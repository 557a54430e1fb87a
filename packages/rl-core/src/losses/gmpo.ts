import type { PolicyLossSettings } from '../settings.js';
import { addRowShare, clipRatioMetrics } from './clip-metrics.js';
import { geometricMeanTerms } from './geometric-mean.js';
import type { LossRow, LossType, Tally } from './types.js';

function observeLogClip(row: LossRow, settings: PolicyLossSettings, tally: Tally): void {
  const low = -settings.epsilonLow;
  const high = settings.epsilonHigh ?? settings.epsilonLow;
  let lowCount = 0;
  let highCount = 0;
  for (let t = 0; t < row.length; t += 1) {
    if (row.mask[t] === 0) continue;
    const d = row.logRatio[t]!;
    if (d < low && row.advantages[t]! < 0) lowCount += 1;
    if (d > high && row.advantages[t]! > 0) highCount += 1;
  }
  addRowShare(tally, 'low', lowCount, row.tokens);
  addRowShare(tally, 'high', highCount, row.tokens);
}

/** GMPO as in TRL: the geometric mean of the clipped token ratios, so that one outlier token cannot carry a row. */
export const gmpo: LossType = {
  name: 'gmpo',
  source: 'L = −A·exp(mean_t of the clipped log-ratio); GMPO (2507.20673), TRL experimental `gmpo`',
  aggregation: 'grpo',
  importanceSamplingLevel: 'token',
  gradient: 'row',
  logRatioBounds: null,
  usesRatio: false,
  capsRatio: false,
  engineCorrection: 'multiply',
  entropyMask: 'inside',
  // The paper clips in log space at ±0.4, wider than PPO.
  defaults: { epsilonLow: 0.4, epsilonHigh: 0.4 },
  terms: (row, settings, out) => geometricMeanTerms(row, settings, out, null),
  observe: observeLogClip,
  metrics: clipRatioMetrics,
};
