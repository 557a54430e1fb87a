import { k3 } from '../kl/k3.js';
import { type Rows, rowAt } from '../rows.js';

/**
 * PAPO's perception term: the answer should depend on the picture (2507.06448; PAPO `dp_actor.py`).
 *
 *   term = −γ·mean k3(ℓ, ℓ′) + η·(mean(−ℓ) + mean(−ℓ′)),   ℓ′ the log-probabilities under the masked image, detached
 *
 * Adds ∂term/∂ℓ to `cotangents` in place.
 * @returns The term and the mean k3.
 */
export function addPerceptionTerm(
  logprobs: Rows,
  maskedImageLogprobs: Rows,
  positions: readonly Int32Array[],
  options: { coef: number; entropyCoef: number; cotangents: readonly Float64Array[] },
): { term: number; kl: number } {
  const { coef, entropyCoef, cotangents } = options;
  const count = Math.max(
    positions.reduce((sum, list) => sum + list.length, 0),
    1,
  );
  let klSum = 0;
  let logprobSum = 0;
  positions.forEach((list, i) => {
    const row = rowAt(logprobs, i);
    const masked = rowAt(maskedImageLogprobs, i);
    const cotangent = cotangents[i]!;
    for (const t of list) {
      const p = row[t]!;
      const q = masked[t]!;
      klSum += k3.value(p, q);
      logprobSum += p + q;
      cotangent[t] = cotangent[t]! - (coef * k3.derivative(p, q) + entropyCoef) / count;
    }
  });
  const kl = klSum / count;
  return { term: -coef * kl - (entropyCoef * logprobSum) / count, kl };
}
