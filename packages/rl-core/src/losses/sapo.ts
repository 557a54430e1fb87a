import { exponentials } from '../exponential.js';
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
  usesRatio: true,
  capsRatio: false,
  engineCorrection: 'multiply',
  entropyMask: 'multiply',
  defaults: {},
  terms({ length, ratio, advantages }, settings, { value, derivative }) {
    const { sapoTemperaturePos, sapoTemperatureNeg } = settings;
    const temperatureOf = (advantage: number): number =>
      advantage > 0 ? sapoTemperaturePos : sapoTemperatureNeg;
    for (let t = 0; t < length; t += 1) {
      value[t] = -temperatureOf(advantages[t]!) * (ratio[t]! - 1);
    }
    exponentials(value, length, value); // e^(−τ(w − 1))
    for (let t = 0; t < length; t += 1) {
      const scaled = -4 * advantages[t]!;
      const gate = 1 / (1 + value[t]!);
      value[t] = (scaled * gate) / temperatureOf(advantages[t]!);
      // A saturated gate closes before w overflows: 0·∞ would be NaN.
      const slope = gate * (1 - gate);
      derivative[t] = slope === 0 ? 0 : scaled * slope * ratio[t]!;
    }
  },
  ...withoutMetrics,
};
