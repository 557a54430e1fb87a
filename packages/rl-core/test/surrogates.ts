import type { LossName } from '../src/index.js';

/**
 * The losses once more, straight from their formulas: slow, one token at a time, with `live` log-probabilities
 * where gradients flow and `frozen` ones under stop-gradient. Central differences of these in `live` must be the
 * package's cotangents, and their values the package's losses.
 */

export interface SurrogateBatch {
  readonly old: readonly (readonly number[])[] | null;
  readonly reference: readonly (readonly number[])[];
  readonly sampling: readonly (readonly number[])[];
  readonly masked: readonly (readonly number[])[];
  readonly entropies: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
  /** One a token. */
  readonly advantages: readonly (readonly number[])[];
}

export interface SurrogateSettings {
  readonly low: number;
  readonly high: number;
  readonly delta: number | null;
  readonly cap: number;
  readonly beta: number;
  readonly biasCorrection: boolean;
  readonly level: 'token' | 'sequence' | 'sequence_token';
  readonly offPolicy: number | null;
  readonly keepEntropy: number;
  readonly engine: 'token_truncate' | 'token_mask' | 'sequence_truncate' | 'sequence_mask' | null;
  readonly perception: number;
  readonly perceptionEntropy: number;
}

type Matrix = readonly (readonly number[])[];

const clip = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** What a term may use: w live, w under stop-gradient, ℓ live, A, p and p_old under stop-gradient, and d live. */
interface Token {
  readonly w: number;
  readonly frozenW: number;
  readonly p: number;
  readonly a: number;
  readonly frozenP: number;
  readonly old: number;
}

const clippedSurrogate = ({ w, a }: Token, s: SurrogateSettings): number =>
  -Math.min(
    Math.min(w, s.delta ?? Number.POSITIVE_INFINITY) * a,
    clip(w, 1 - s.low, 1 + s.high) * a,
  );

const bernoulliKl = (p: number, q: number): number => {
  const [x, y] = [Math.exp(p), Math.exp(q)];
  return x * (p - q) + (1 - x) * Math.log((1 - x + 1e-8) / (1 - y + 1e-8));
};

/** Terms of the losses that are one formula a token; clip-cov, kl-cov, vespo and the geometric means are below. */
const tokenTerms: Partial<Record<LossName, (token: Token, s: SurrogateSettings) => number>> = {
  grpo: clippedSurrogate,
  bnpo: clippedSurrogate,
  dr_grpo: clippedSurrogate,
  dapo: clippedSurrogate,
  luspo: clippedSurrogate,
  gspo: clippedSurrogate,
  gspo_token: clippedSurrogate,
  cispo: ({ frozenW, a, p }, s) => -Math.min(frozenW, s.high) * a * p,
  cispo_two_sided: ({ frozenW, a, p }, s) => -clip(frozenW, 1 - s.low, 1 + s.high) * a * p,
  sapo: ({ w, a }) => {
    const temperature = a > 0 ? 1 : 1.05;
    return ((-a * 4) / temperature) * sigmoid(temperature * (w - 1));
  },
  dual_clip: ({ w, a }, s) => {
    const higher = Math.max(-a * w, -a * clip(w, 1 - s.low, 1 + s.high));
    return a < 0 ? Math.min(-a * s.cap, higher) : higher;
  },
  dppo_tv: ({ frozenW, a, p, frozenP, old }, s) => {
    const change = Math.exp(frozenP) - Math.exp(old);
    const valid = a > 0 ? change <= s.high : change >= -s.low;
    return valid ? -a * Math.min(frozenW, s.cap) * p : 0;
  },
  dppo_kl: ({ frozenW, a, p, frozenP, old }, s) => {
    const kl = bernoulliKl(old, frozenP);
    const valid = a > 0 ? kl <= s.high || frozenP <= old : kl <= s.low || frozenP >= old;
    return valid ? -a * Math.min(frozenW, s.cap) * p : 0;
  },
  dro: ({ a, p, old }) => -a * p + 0.05 * (p - old) ** 2,
  gpg: ({ a, p }) => -a * p,
};

/** Weight of each token of a row: the aggregations' formulas. */
function weightOf(
  name: LossName,
  tokens: number,
  all: number,
  rows: number,
  length: number,
): number {
  switch (name) {
    case 'grpo':
    case 'gspo':
    case 'gspo_token':
    case 'sapo':
      return 1 / (rows * Math.max(tokens, 1));
    case 'dr_grpo':
      return 1 / (rows * 16);
    case 'luspo':
      return tokens / (rows * length);
    default:
      return 1 / Math.max(all, 1);
  }
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  const above = sorted[Math.ceil(at)]!;
  return below + (at - Math.floor(at)) * (above - below);
}

/** The loss as a function of `live`, everything under stop-gradient taken at `frozen`. */
export function surrogate(
  name: LossName,
  live: Matrix,
  frozen: Matrix,
  batch: SurrogateBatch,
  s: SurrogateSettings,
): number {
  const old = batch.old ?? frozen;
  const { mask } = batch;
  const counts = mask.map(sum);
  const all = sum(counts);
  const active = mask.flatMap((row, i) =>
    row.flatMap((m, t) => (m === 1 ? [batch.entropies[i]![t]!] : [])),
  );
  const threshold =
    s.keepEntropy < 1 && active.length > 0
      ? quantile(active, 1 - s.keepEntropy)
      : Number.NEGATIVE_INFINITY;
  const logRatio = (values: Matrix, i: number, t: number): number => {
    if (s.level === 'token') return values[i]![t]! - old[i]![t]!;
    const mean =
      sum(mask[i]!.map((m, u) => m * (values[i]![u]! - old[i]![u]!))) / Math.max(counts[i]!, 1);
    if (s.level === 'sequence') return mean;
    // sg[mean] + ℓ − sg ℓ
    const frozenMean =
      sum(mask[i]!.map((m, u) => m * (frozen[i]![u]! - old[i]![u]!))) / Math.max(counts[i]!, 1);
    return frozenMean + values[i]![t]! - frozen[i]![t]!;
  };
  let loss = 0;
  live.forEach((row, i) => {
    const drift =
      sum(mask[i]!.map((m, t) => m * (batch.sampling[i]![t]! - frozen[i]![t]!))) /
      Math.max(counts[i]!, 1);
    const driftOld =
      sum(mask[i]!.map((m, t) => m * (old[i]![t]! - frozen[i]![t]!))) / Math.max(counts[i]!, 1);
    const engineLog = mask[i]!.map((m, t) => m * (old[i]![t]! - batch.sampling[i]![t]!));
    const engine = (t: number): number => {
      if (s.engine === null) return 1;
      const ratio = Math.exp(s.engine.startsWith('sequence') ? sum(engineLog) : engineLog[t]!);
      if (s.engine.endsWith('truncate')) return clip(ratio, 0.5, 2);
      return ratio < 0.5 || ratio > 2 ? 0 : ratio;
    };
    const factor = (t: number): number => {
      const isFar = s.offPolicy !== null && (s.engine === null ? driftOld : drift) > s.offPolicy;
      const keep = batch.advantages[i]![t]! >= 0 || !isFar ? 1 : 0;
      const high =
        s.keepEntropy >= 1 || (mask[i]![t] === 1 && batch.entropies[i]![t]! >= threshold);
      return keep * (high ? 1 : 0) * engine(t);
    };
    row.forEach((p, t) => {
      if (mask[i]![t] === 0 && name !== 'luspo') return;
      const w = Math.exp(logRatio(live, i, t));
      const term = tokenTerms[name]!(
        {
          w,
          frozenW: Math.exp(logRatio(frozen, i, t)),
          p,
          a: batch.advantages[i]![t]!,
          frozenP: frozen[i]![t]!,
          old: old[i]![t]!,
        },
        s,
      );
      const q = batch.reference[i]![t]!;
      const kl = (Math.exp(q - p) - (q - p) - 1) * (s.biasCorrection ? w : 1);
      const weight = weightOf(name, counts[i]!, all, live.length, row.length);
      loss += weight * (term * factor(t) + s.beta * kl);
    });
    row.forEach((p, t) => {
      if (mask[i]![t] === 0) return;
      const d = batch.masked[i]![t]! - p;
      loss -= (s.perception * (Math.exp(d) - d - 1)) / all;
      loss -= (s.perceptionEntropy * (p + batch.masked[i]![t]!)) / all;
    });
  });
  return loss;
}

/** Names that `surrogate` knows. */
export const surrogateNames = Object.keys(tokenTerms) as LossName[];

/** VESPO with token-level engine ratios, its weight under stop-gradient. */
export function vespoSurrogate(live: Matrix, frozen: Matrix, batch: SurrogateBatch): number {
  const old = batch.old ?? frozen;
  const all = sum(batch.mask.map(sum));
  let loss = 0;
  live.forEach((row, i) => {
    const m = batch.mask[i]!;
    const inner = sum(m.map((x, t) => x * clip(frozen[i]![t]! - old[i]![t]!, -20, 20)));
    const logW = clip(inner, Math.log(1e-8), 20);
    row.forEach((p, t) => {
      const a = batch.advantages[i]![t]!;
      const [k, lambda] = a >= 0 ? [2, 3] : [3, 2];
      loss -= (m[t]! * Math.exp(lambda + k * logW - lambda * Math.exp(logW)) * a * p) / all;
    });
  });
  return loss;
}

/** GMPO; `guard` is verl's addition to the count, 0 for TRL. Advantages must be one a row. */
export function geometricSurrogate(
  live: Matrix,
  batch: SurrogateBatch,
  frozen: Matrix,
  { low, high, guard }: { low: number; high: number; guard: number },
): number {
  const old = batch.old ?? frozen;
  let loss = 0;
  live.forEach((row, i) => {
    const m = batch.mask[i]!;
    const n = sum(m) + guard;
    const a = (batch.advantages[i]![0]! * sum(m)) / n;
    const bounded = row.map((p, t) => {
      const d = p - old[i]![t]!;
      return a > 0 ? Math.min(d, clip(d, -low, high)) : Math.max(d, clip(d, -low, high));
    });
    const mean = sum(bounded.map((d, t) => d * m[t]!)) / n;
    loss -= (a * Math.exp(mean)) / live.length;
  });
  return loss;
}
