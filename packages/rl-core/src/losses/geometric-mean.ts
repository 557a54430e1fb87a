import type { PolicyLossSettings } from '../settings.js';
import type { LossRow, LossTerms } from './types.js';

/**
 * The one-sided clip in log space and its geometric mean:
 *
 *   c_t = sign(A)·min(sign(A)·d_t, sign(A)·clip(d_t, −ε, ε_h)),   L = −A·exp(Σ_t c_t k_t / n),   k the kept tokens
 *
 * The same L at every position; ∂L/∂ℓ_t = L·k_t/n where the clip is not active. A is the row's mean of the
 * advantages over the kept tokens, which for one advantage a row is that advantage.
 *
 * @param guard Added to the count of kept tokens; `null` bounds the count below by 1 instead.
 */
export function geometricMeanTerms(
  row: LossRow,
  settings: PolicyLossSettings,
  out: LossTerms,
  guard: number | null,
): void {
  const low = -settings.epsilonLow;
  const high = settings.epsilonHigh ?? settings.epsilonLow;
  const { length, logRatio, advantages, mask, entropyMask } = row;
  const { value, derivative } = out;
  let kept = 0;
  let advantageSum = 0;
  let logSum = 0;
  for (let t = 0; t < length; t += 1) {
    const keep = mask[t]! * (entropyMask === null ? 1 : entropyMask[t]!);
    derivative[t] = 0;
    if (keep === 0) continue;
    const advantage = advantages[t]!;
    const d = logRatio[t]!;
    kept += 1;
    advantageSum += advantage;
    // Only the bound on the side that A pushes towards is active.
    const isClipped = advantage > 0 ? d > high : d < low;
    logSum += isClipped ? (advantage > 0 ? high : low) : d;
    derivative[t] = isClipped ? 0 : 1;
  }
  const count = guard === null ? Math.max(kept, 1) : kept + guard;
  // TRL scores an empty row with its advantage; verl's masked mean of the advantage is 0 there.
  const advantage =
    kept === 0
      ? guard === null
        ? (advantages[0] ?? 0)
        : 0
      : advantageSum / (guard === null ? kept : count);
  const loss = -advantage * Math.exp(logSum / count);
  for (let t = 0; t < length; t += 1) {
    value[t] = loss;
    derivative[t] = derivative[t] === 0 ? 0 : loss / count;
  }
}
