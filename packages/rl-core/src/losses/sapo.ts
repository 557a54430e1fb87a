import { withoutMetrics } from './no-metrics.js';
import type { LossType } from './types.js';

/**
 * SAPO: a smooth gate instead of a clip, with its own temperature for A > 0 and A ≤ 0.
 *
 *   L = −A·(4/τ)·σ(τ(w − 1))          ∂L/∂d = −A·4σ(1 − σ)·w
 */
export const sapo: LossType = {
  name: 'sapo',
  source: 'L = −A·(4/τ)·σ(τ(w − 1)); SAPO (2511.20347), TRL `sapo`, verl `sapo`',
  aggregation: 'grpo',
  importanceSamplingLevel: null,
  gradient: 'ratio',
  logRatioBounds: null,
  capsRatio: false,
  engineCorrection: 'multiply',
  entropyMask: 'multiply',
  defaults: {},
  terms({ length, ratio, advantages }, settings, { value, derivative }) {
    const { sapoTemperaturePos, sapoTemperatureNeg } = settings;
    for (let t = 0; t < length; t += 1) {
      const advantage = advantages[t]!;
      const temperature = advantage > 0 ? sapoTemperaturePos : sapoTemperatureNeg;
      const w = ratio[t]!;
      const gate = 1 / (1 + Math.exp(-temperature * (w - 1)));
      value[t] = (-advantage * gate * 4) / temperature;
      // A saturated gate closes before w overflows: 0·∞ would be NaN.
      const slope = gate * (1 - gate);
      derivative[t] = slope === 0 ? 0 : -advantage * 4 * slope * w;
    }
  },
  ...withoutMetrics,
};
