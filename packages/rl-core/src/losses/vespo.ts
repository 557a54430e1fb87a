import type { PolicyLossSettings } from '../settings.js';
import { addRowShare, meanShare } from './clip-metrics.js';
import type { LossRow, LossType } from './types.js';

// TRL clamps log W to the logarithm of 1e-8, and everything else to ±20.
const LOWEST_LOG = Math.log(1e-8);
const HIGHEST_LOG = 20;

const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

/** log W = clamp(Σ_t clamp(ℓ − o, ±20)·m + Σ_t clamp(log(π_old/π_sampler), log 1e-8, 20)). */
function logSequenceWeight(row: LossRow): number {
  const { length, logprobs, oldLogprobs, mask } = row;
  let sum = 0;
  for (let t = 0; t < length; t += 1) {
    // The mask is 0 or 1.
    sum += clamp((logprobs[t]! - oldLogprobs[t]!) * mask[t]!, -HIGHEST_LOG, HIGHEST_LOG);
  }
  if (row.engineRatio !== null && !row.engineRatioIsSequence) {
    for (let t = 0; t < length; t += 1) {
      if (mask[t] !== 0) sum += clamp(Math.log(row.engineRatio[t]!), LOWEST_LOG, HIGHEST_LOG);
    }
  }
  if (row.engineRatio !== null && row.engineRatioIsSequence && row.length > 0) {
    sum += clamp(Math.log(row.engineRatio[0]!), LOWEST_LOG, HIGHEST_LOG);
  }
  return clamp(sum, LOWEST_LOG, HIGHEST_LOG);
}

/** φ = exp(λ + k·log W − λW), normalized so that φ(1) = 1. */
function gammaWeight(logWeight: number, advantage: number, settings: PolicyLossSettings): number {
  const k = advantage >= 0 ? settings.vespoKPos : settings.vespoKNeg;
  const lambda = Math.max(advantage >= 0 ? settings.vespoLambdaPos : settings.vespoLambdaNeg, 1e-4);
  return Math.exp(lambda + k * logWeight - lambda * Math.exp(logWeight));
}

/**
 * VESPO: the policy gradient weighted by a gamma shape of the sequence's whole ratio, detached, which fades out
 * both very small and very large ratios.
 */
export const vespo: LossType = {
  name: 'vespo',
  source: 'L = −sg[φ(W)]·A·ℓ; VESPO (2602.10693), TRL `vespo`',
  aggregation: 'dapo',
  importanceSamplingLevel: null,
  gradient: 'logprob',
  logRatioBounds: null,
  usesRatio: false,
  capsRatio: false,
  engineCorrection: 'inside',
  entropyMask: 'multiply',
  defaults: {},
  terms(row, settings, { value, derivative }) {
    const logWeight = logSequenceWeight(row);
    let advantage = Number.NaN;
    let weight = Number.NaN;
    for (let t = 0; t < row.length; t += 1) {
      // Most often one advantage a row: its weight is computed once.
      if (row.advantages[t] !== advantage) {
        advantage = row.advantages[t]!;
        weight = -gammaWeight(logWeight, advantage, settings) * advantage;
      }
      value[t] = weight * row.logprobs[t]!;
      derivative[t] = weight;
    }
  },
  observe(row, settings, tally) {
    if (row.length === 0) return;
    const logWeight = logSequenceWeight(row);
    // One weight a row counts once; with advantages per token each token counts.
    const last = row.advantageIsRow ? 1 : row.length;
    for (let t = 0; t < last; t += 1) {
      if (!row.advantageIsRow && row.mask[t] === 0) continue;
      addRowShare(tally, 'phi', gammaWeight(logWeight, row.advantages[t]!, settings), 1);
    }
  },
  metrics: (tally) => ({ 'vespo/phi_seq_mean': meanShare(tally, 'phi') }),
};
