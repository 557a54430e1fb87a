import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type LossName,
  lossTypes,
  type PolicyLossBatch,
  type PolicyLossOptions,
  policyLoss,
  seededRandom,
} from '../src/index.js';
import {
  geometricSurrogate,
  type SurrogateBatch,
  type SurrogateSettings,
  surrogate,
  surrogateNames,
  vespoSurrogate,
} from './surrogates.js';

// Central differences in float64: truncation of order h², rounding of order 1e-16/h.
const STEP = 1e-5;
const TOLERANCE = { atol: 1e-8, rtol: 1e-6 };

interface Drawn {
  readonly live: number[][];
  readonly batch: SurrogateBatch;
  readonly settings: SurrogateSettings;
  readonly perToken: boolean;
}

/** A random batch: ragged rows, masks with holes, sometimes an empty row, settings switched on and off. */
function drawBatch(seed: number, plain: boolean): Drawn {
  const random = seededRandom(seed);
  const between = (low: number, high: number): number => low + random.uniform() * (high - low);
  const chance = (p: number): boolean => random.uniform() < p;
  const lengths = Array.from({ length: 1 + random.integer(4) }, () => 1 + random.integer(6));
  const matrix = (draw: () => number): number[][] =>
    lengths.map((length) => Array.from({ length }, draw));
  const live = matrix(() => between(-3, -0.05));
  const near = (spread: number): number[][] =>
    live.map((row) => row.map((p) => Math.min(p + between(-spread, spread), -0.01)));
  const perToken = !plain && chance(0.3);
  const rowAdvantages = lengths.map(() => between(-2, 2));
  return {
    live,
    perToken,
    batch: {
      old: chance(0.15) ? null : near(0.6),
      reference: near(0.8),
      sampling: near(0.4),
      masked: near(1),
      entropies: matrix(() => between(0, 3)),
      mask: lengths.map((length) =>
        chance(0.1)
          ? Array.from({ length }, () => 0)
          : Array.from({ length }, () => (chance(0.75) ? 1 : 0)),
      ),
      advantages: lengths.map((length, i) =>
        Array.from({ length }, () => (perToken ? between(-2, 2) : rowAdvantages[i]!)),
      ),
    },
    settings: {
      low: between(0.05, 0.4),
      high: between(0.05, 0.6),
      delta: !plain && chance(0.3) ? between(1.1, 2) : null,
      cap: between(1.1, 3),
      beta: !plain && chance(0.5) ? 0.3 : 0,
      biasCorrection: chance(0.4),
      level: plain
        ? 'token'
        : (['token', 'sequence', 'sequence_token'] as const)[random.integer(3)]!,
      offPolicy: !plain && chance(0.3) ? 0.05 : null,
      keepEntropy: !plain && chance(0.3) ? 0.5 : 1,
      engine:
        !plain && chance(0.4)
          ? (['token_truncate', 'token_mask', 'sequence_truncate', 'sequence_mask'] as const)[
              random.integer(4)
            ]!
          : null,
      perception: !plain && chance(0.3) ? 0.2 : 0,
      perceptionEntropy: !plain && chance(0.3) ? 0.1 : 0,
    },
  };
}

function inputOf({ live, batch, perToken, settings }: Drawn): PolicyLossBatch {
  return {
    logprobs: live,
    advantages: perToken ? batch.advantages : batch.advantages.map((row) => row[0] ?? 0),
    completionMask: batch.mask,
    oldLogprobs: batch.old,
    referenceLogprobs: batch.reference,
    samplingLogprobs: settings.engine === null ? null : batch.sampling,
    maskedImageLogprobs: batch.masked,
    entropies: batch.entropies,
  };
}

function optionsOf(name: LossName, s: SurrogateSettings): PolicyLossOptions {
  return {
    lossType: name,
    aggregation: lossTypes[name].aggregation,
    importanceSamplingLevel: s.level,
    epsilonLow: s.low,
    epsilonHigh: s.high,
    delta: s.delta,
    clipRatioC: s.cap,
    beta: s.beta,
    useBiasCorrectionKl: s.biasCorrection,
    offPolicyMaskThreshold: s.offPolicy,
    topEntropyQuantile: s.keepEntropy,
    engineCorrection: s.engine === null ? null : { mode: s.engine, clipMin: 0.5, clipMax: 2 },
    perceptionCoef: s.perception,
    perceptionEntropyCoef: s.perceptionEntropy,
    maxCompletionLength: 16,
  };
}

/** Compares value and cotangents with a function of the log-probabilities. */
function expectGradient(
  drawn: Drawn,
  options: PolicyLossOptions,
  loss: (live: number[][]) => number,
): void {
  const result = policyLoss(inputOf(drawn), options);
  expect(Math.abs(result.loss - loss(drawn.live))).toBeLessThan(1e-10);
  drawn.live.forEach((row, i) => {
    row.forEach((p, t) => {
      const moved = (by: number): number[][] =>
        drawn.live.map((other, j) => (i === j ? other.with(t, p + by) : other));
      const slope = (loss(moved(STEP)) - loss(moved(-STEP))) / (2 * STEP);
      const got = result.cotangents[i]![t]!;
      const allowed = TOLERANCE.atol + TOLERANCE.rtol * Math.abs(slope);
      expect(Math.abs(got - slope), `row ${i}, token ${t}: ${got} against ${slope}`).toBeLessThan(
        allowed,
      );
    });
  });
}

/** True when a bound of the loss lies within reach of a difference: there the derivative jumps. */
function isNearKink({ live, batch, settings }: Drawn, name: LossName): boolean {
  const old = batch.old ?? live;
  const bounds = [
    1 - settings.low,
    1 + settings.high,
    settings.high,
    settings.cap,
    settings.delta ?? 1,
    Math.exp(-settings.low),
    Math.exp(settings.high),
  ];
  const ratios = live.map((row, i) => row.map((p, t) => Math.exp(p - old[i]![t]!)));
  const means = live.map((row, i) => {
    const m = batch.mask[i]!;
    const n = Math.max(
      m.reduce((a, b) => a + b, 0),
      1,
    );
    return Math.exp(row.reduce((a, p, t) => a + m[t]! * (p - old[i]![t]!), 0) / n);
  });
  const all = [...ratios.flat(), ...means];
  const usesDelta = lossTypes[name].capsRatio && settings.delta !== null;
  return all.some((w) =>
    bounds.some((bound, k) => (k !== 4 || usesDelta) && Math.abs(w - bound) < 20 * STEP),
  );
}

function checkDraws(name: LossName, plain: boolean, check: (drawn: Drawn) => void): void {
  let checked = 0;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 30 }), (seed) => {
      const drawn = drawBatch(seed, plain);
      // A batch without any token has no mean to compare; it is tested apart.
      if (drawn.batch.mask.flat().every((m) => m === 0)) return;
      if (isNearKink(drawn, name)) return;
      checked += 1;
      check(drawn);
    }),
    { seed: 20260101, numRuns: 120 },
  );
  expect(checked).toBeGreaterThan(60);
}

describe('cotangents against central differences', () => {
  it.each(surrogateNames)('%s, over random masks, lengths, groups and settings', (name) => {
    // DPPO and DRO speak of the token alone; a sequence ratio has no meaning for them.
    const tokenOnly = lossTypes[name].importanceSamplingLevel === 'token';
    checkDraws(name, false, (given) => {
      const drawn = tokenOnly
        ? { ...given, settings: { ...given.settings, level: 'token' as const } }
        : given;
      const { live, batch, settings } = drawn;
      expectGradient(drawn, optionsOf(name, settings), (moved) =>
        surrogate(name, moved, live, batch, settings),
      );
    });
  });

  it('vespo', () => {
    checkDraws('vespo', true, (drawn) => {
      expectGradient(drawn, { lossType: 'vespo' }, (moved) =>
        vespoSurrogate(moved, drawn.live, drawn.batch),
      );
    });
  });

  it.each(['gmpo', 'geo_mean'] as const)('%s', (name) => {
    checkDraws(name, true, (drawn) => {
      const { low, high } = drawn.settings;
      // On rows without tokens the two differ; that is tested apart.
      const guard = name === 'geo_mean' ? 1e-8 : 0;
      if (drawn.batch.mask.some((row) => row.every((m) => m === 0))) return;
      expectGradient(drawn, { lossType: name, epsilonLow: low, epsilonHigh: high }, (moved) =>
        geometricSurrogate(moved, drawn.batch, drawn.live, { low, high, guard }),
      );
    });
  });

  it.each(['clip_cov', 'kl_cov'] as const)(
    '%s, whose choice of tokens is found by brute force',
    (name) => {
      checkDraws(name, true, (drawn) => {
        const { live, batch, settings } = drawn;
        const old = batch.old ?? live;
        if (batch.old === null) return; // |d| has a kink at 0.
        const tokens = live.flatMap((row, i) =>
          row.flatMap((p, t) =>
            batch.mask[i]![t] === 1 ? [{ i, t, p, a: batch.advantages[i]![t]! }] : [],
          ),
        );
        const mean = (values: readonly number[]): number =>
          values.reduce((a, b) => a + b, 0) / values.length;
        const meanA = mean(tokens.map(({ a }) => a));
        const meanP = mean(tokens.map(({ p }) => p));
        const covariance = ({ a, p }: { a: number; p: number }): number =>
          (a - meanA) * (p - meanP);
        const [low, high] = [1 - settings.low, 1 + settings.high];
        const isClipped = ({ i, t, p, a }: (typeof tokens)[number]): boolean => {
          const w = Math.exp(p - old[i]![t]!);
          return a > 0 ? w > high : w < low;
        };
        const chosen =
          name === 'kl_cov'
            ? [...tokens]
                .sort((x, y) => covariance(y) - covariance(x))
                .slice(0, Math.max(1, Math.trunc(tokens.length * 0.3)))
            : tokens.filter((x) => !isClipped(x) && covariance(x) > 0.05 && covariance(x) < 2);
        const isChosen = (i: number, t: number): boolean =>
          chosen.some((token) => token.i === i && token.t === t);
        expectGradient(
          drawn,
          {
            lossType: name,
            epsilonLow: settings.low,
            epsilonHigh: settings.high,
            klCovRatio: 0.3,
            klCovCoef: 0.7,
            // All candidates are chosen, so that the random choice leaves nothing open.
            clipCovRatio: 1,
            clipCovLow: 0.05,
            clipCovHigh: 2,
          },
          (moved) =>
            tokens.reduce((total, { i, t, a }) => {
              const d = moved[i]![t]! - old[i]![t]!;
              const w = Math.exp(d);
              if (name === 'kl_cov')
                return total - w * a + (isChosen(i, t) ? 0.7 * Math.abs(d) : 0);
              return isChosen(i, t)
                ? total
                : total + Math.max(-a * w, -a * Math.min(Math.max(w, low), high));
            }, 0) / tokens.length,
        );
      });
    },
  );
});

describe('every loss', () => {
  const names = Object.keys(lossTypes) as LossName[];

  it.each(names)('%s leaves a batch without tokens alone', (name) => {
    const result = policyLoss(
      { logprobs: [[-1, -2]], advantages: [1], completionMask: [[0, 0]] },
      { lossType: name, maxCompletionLength: 4 },
    );
    // GMPO's value on an empty row is the constant −A, as in TRL; it has no gradient.
    expect(result.loss).toBe(name === 'gmpo' ? -1 : 0);
    expect([...result.cotangents[0]!]).toEqual([0, 0]);
  });

  it.each(names)('%s gives exactly 0 to tokens outside the mask and to an empty batch', (name) => {
    const options: PolicyLossOptions = {
      lossType: name,
      maxCompletionLength: 4,
      // TRL's luspo counts masked positions unless ratio and advantage are those of the row.
      ...(name === 'luspo' ? { importanceSamplingLevel: 'sequence' } : {}),
    };
    const { cotangents } = policyLoss(
      {
        logprobs: [[-1, Number.NaN, -2], [-0.5]],
        oldLogprobs: [[-1.1, Number.NEGATIVE_INFINITY, -1.9], [-0.6]],
        advantages: [1, -1],
        completionMask: [[1, 0, 1], [1]],
      },
      options,
    );
    expect(cotangents[0]![1]).toBe(0);
    const empty = policyLoss({ logprobs: [], advantages: [] }, options);
    expect(empty).toMatchObject({ loss: 0, cotangents: [] });
  });
});
