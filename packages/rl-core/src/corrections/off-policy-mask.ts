/**
 * DeepSeek-V3.2's off-policy sequence mask: how far a row has drifted from the policy that sampled it.
 *
 *   κ = Σ_t (s_t − ℓ_t) m_t / max(Σ_t m_t, 1)          keep where A ≥ 0 or κ ≤ threshold
 *
 * @param sampler s, the engine's log-probabilities, or the old policy's without an engine; NaN where unknown.
 * @returns κ in nats.
 */
export function sequenceDrift(
  logprobs: Float64Array,
  sampler: ArrayLike<number>,
  mask: Float64Array,
  length: number,
): number {
  let sum = 0;
  let count = 0;
  for (let t = 0; t < length; t += 1) {
    if (mask[t] === 0) continue;
    count += 1;
    const drift = sampler[t]! - logprobs[t]!;
    // A token that the engine could not score gives no evidence.
    if (!Number.isNaN(drift)) sum += drift;
  }
  return sum / Math.max(count, 1);
}
