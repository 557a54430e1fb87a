import type { PolicyLossSettings } from '../settings.js';
import type { LossType } from './types.js';
import { observeVerl, verlMetrics } from './verl-metrics.js';

/** Whether a token may move further: `p` and `old` are log-probabilities under the policy and the old policy. */
export type TrustRegion = (
  p: number,
  old: number,
  advantage: number,
  settings: PolicyLossSettings,
) => boolean;

/**
 * DPPO: a trust region on the probability itself instead of on the ratio.
 *
 *   L = −A·sg[min(w, c)]·v·ℓ,   v = 1 while the divergence of the sampled token stays within its bound, else 0
 */
export function dppoLoss(name: string, source: string, isValid: TrustRegion): LossType {
  return {
    name,
    source,
    aggregation: 'token-mean',
    importanceSamplingLevel: 'token',
    gradient: 'logprob',
    logRatioBounds: [-20, 20],
    usesRatio: true,
    capsRatio: false,
    engineCorrection: 'multiply',
    entropyMask: 'multiply',
    // verl's large default: truncation biases, so it should be rare (2602.04879 §5.4).
    defaults: { clipRatioC: 20 },
    terms({ length, ratio, advantages, logprobs, oldLogprobs }, settings, { value, derivative }) {
      for (let t = 0; t < length; t += 1) {
        const advantage = advantages[t]!;
        const p = logprobs[t]!;
        const weight = isValid(p, oldLogprobs[t]!, advantage, settings)
          ? -advantage * Math.min(ratio[t]!, settings.clipRatioC)
          : 0;
        value[t] = weight * p;
        derivative[t] = weight;
      }
    },
    observe(row, settings, tally) {
      const valid = (t: number): boolean =>
        isValid(row.logprobs[t]!, row.oldLogprobs[t]!, row.advantages[t]!, settings);
      observeVerl(
        row,
        tally,
        (t) => !valid(t),
        (t) => valid(t) && row.ratio[t]! > settings.clipRatioC,
      );
    },
    metrics: verlMetrics,
  };
}
