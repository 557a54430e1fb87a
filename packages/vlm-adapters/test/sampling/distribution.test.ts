import { describe, expect, it } from 'vitest';
import { randomStream } from '../../src/sampling/random-stream.js';
import { type SamplingSettings, samplingSettings } from '../../src/sampling/sampling-settings.js';
import {
  drawToken,
  logProbability,
  modelLogProbability,
  samplingDistribution,
} from '../../src/sampling/token-distribution.js';
import { TokenSampler } from '../../src/sampling/token-sampler.js';

/** Logits of a vocabulary, normal with the given spread, by Box and Muller. */
function madeLogits(vocabulary: number, seed: number, spread = 2): Float32Array {
  const random = randomStream({ rowSeed: seed });
  return Float32Array.from(
    { length: vocabulary },
    () => spread * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

/**
 * Filters by the definitions, on a list of (id, probability) that is sorted at each step; nothing is shared with the
 * tested code.
 */
function bruteForce(
  logits: Float32Array,
  given: Partial<SamplingSettings>,
  seen: readonly number[] = [],
): Map<number, number> {
  const {
    temperature = 1,
    topK = 0,
    topP = 1,
    minP = 0,
    repetitionPenalty = 1,
    forbidden = [],
  } = given;
  let kept = Array.from(logits, (logit, id) => {
    const score = !seen.includes(id)
      ? logit
      : logit < 0
        ? logit * repetitionPenalty
        : logit / repetitionPenalty;
    return { id, score: score / temperature };
  }).filter(({ id }) => !forbidden.includes(id));
  kept.sort((a, b) => b.score - a.score || a.id - b.id);
  if (topK > 0)
    kept = kept.filter(({ score }) => score >= (kept[Math.min(topK, kept.length) - 1]?.score ?? 0));
  const probabilities = (): number[] => {
    const total = kept.reduce((sum, { score }) => sum + Math.exp(score), 0);
    return kept.map(({ score }) => Math.exp(score) / total);
  };
  if (topP < 1) {
    let sum = 0;
    const before = probabilities().map((p) => {
      sum += p;
      return sum - p;
    });
    kept = kept.filter((_, index) => (before[index] ?? 1) < topP);
  }
  if (minP > 0) {
    const all = probabilities();
    kept = kept.filter((_, index) => (all[index] ?? 0) >= minP * (all[0] ?? 0));
  }
  const all = probabilities();
  return new Map(kept.map(({ id }, index) => [id, all[index] ?? 0]));
}

/**
 * P(χ²_k > x) = 1 − P(k/2, x/2), by the series of the incomplete gamma function (Abramowitz and Stegun 6.5.29); the
 * gamma function of half integers is a product.
 */
function chiSquareTail(x: number, k: number): number {
  const [a, y] = [k / 2, x / 2];
  let logGamma = k % 2 === 0 ? 0 : Math.log(Math.PI) / 2;
  for (let factor = k % 2 === 0 ? 1 : 0.5; factor <= a; factor++) logGamma += Math.log(factor);
  let term = Math.exp(a * Math.log(y) - y - logGamma);
  let sum = term;
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= y / (a + n);
    sum += term;
  }
  return 1 - sum;
}

const cases: [name: string, settings: Partial<SamplingSettings>][] = [
  ['no filter', {}],
  ['temperature 0.7', { temperature: 0.7 }],
  ['temperature 1.6', { temperature: 1.6 }],
  ['top-p 0.8', { topP: 0.8 }],
  ['top-k 5', { topK: 5 }],
  ['min-p 0.1', { minP: 0.1 }],
  [
    'all of them',
    {
      temperature: 1.3,
      topK: 20,
      topP: 0.9,
      minP: 0.02,
      repetitionPenalty: 1.4,
      forbidden: [3, 17],
    },
  ],
];

describe.each(cases)('with %s', (_, given) => {
  const settings = samplingSettings(given);
  const seen = [2, 5, 30, 44];

  it('the distribution is that of the definitions', () => {
    for (let seed = 0; seed < 50; seed++) {
      const logits = madeLogits(60, seed, seed % 5 === 0 ? 0.2 : 2);
      const expected = bruteForce(logits, given, seen);
      const distribution = samplingDistribution(logits, settings, seen);
      const { weights, total } = distribution;
      for (let id = 0; id < logits.length; id++) {
        const probability = (weights[id] ?? Number.NaN) / total;
        expect(Math.abs(probability - (expected.get(id) ?? 0))).toBeLessThan(1e-14);
        if (expected.has(id))
          expect(logProbability(distribution, id)).toBeCloseTo(Math.log(expected.get(id) ?? 0), 12);
      }
    }
  });

  it('20,000 tokens are distributed so (chi-square, p > 0.001)', () => {
    const logits = madeLogits(60, 7);
    const expected = bruteForce(logits, given, seen);
    const sampler = new TokenSampler(settings);
    const count = 20_000;
    const counts = new Map<number, number>();
    let worst = 0;
    for (let sample = 0; sample < count; sample++) {
      const { id, logprob } = sampler.sample(
        logits,
        seen,
        randomStream({ seed: 11, prompt: 0, sample }),
      );
      counts.set(id, (counts.get(id) ?? 0) + 1);
      worst = Math.max(worst, Math.abs(logprob - Math.log(expected.get(id) ?? 0)));
    }
    expect(worst).toBeLessThan(1e-12);
    // Tokens that are expected less than 5 times are counted together (Cochran's rule).
    let [rare, rareSeen, statistic, groups] = [0, 0, 0, 0];
    for (const [id, probability] of expected) {
      if (probability * count < 5) {
        rare += probability * count;
        rareSeen += counts.get(id) ?? 0;
        continue;
      }
      statistic += ((counts.get(id) ?? 0) - probability * count) ** 2 / (probability * count);
      groups++;
    }
    if (rare > 0) {
      statistic += (rareSeen - rare) ** 2 / rare;
      groups++;
    }
    expect([...counts.keys()].every((id) => expected.has(id))).toBe(true);
    expect(groups).toBeGreaterThan(3);
    expect(chiSquareTail(statistic, groups - 1)).toBeGreaterThan(0.001);
  });
});

it('the chi-square tail agrees with tables', () => {
  // Upper 5 % and 0.1 % points of 10 and 30 degrees of freedom (Abramowitz and Stegun, table 26.8).
  for (const [x, k, p] of [
    [18.307, 10, 0.05],
    [29.588, 10, 0.001],
    [43.773, 30, 0.05],
    [59.703, 30, 0.001],
  ] as const)
    expect(Math.abs(chiSquareTail(x, k) / p - 1)).toBeLessThan(1e-3);
});

it('the chi-square test finds a wrong temperature', () => {
  const logits = madeLogits(60, 7);
  const expected = bruteForce(logits, {});
  const sampler = new TokenSampler(samplingSettings({ temperature: 1.1 }));
  const counts = new Float64Array(60);
  for (let sample = 0; sample < 20_000; sample++) {
    const { id } = sampler.sample(logits, [], randomStream({ seed: 11, prompt: 0, sample }));
    counts[id] = (counts[id] ?? 0) + 1;
  }
  let statistic = 0;
  for (const [id, p] of expected) statistic += ((counts[id] ?? 0) - 20_000 * p) ** 2 / (20_000 * p);
  expect(chiSquareTail(statistic, 59)).toBeLessThan(0.001);
});

describe('edges', () => {
  it('top-p keeps the token that crosses, and one token at least', () => {
    const logits = Float64Array.of(Math.log(0.5), Math.log(0.3), Math.log(0.2));
    const keptAt = (topP: number): number[] => {
      const { weights } = samplingDistribution(logits, samplingSettings({ topP }));
      return [...weights.keys()].filter((id) => weights[id] !== 0);
    };
    expect(keptAt(0.1)).toEqual([0]);
    expect(keptAt(0.49)).toEqual([0]);
    expect(keptAt(0.6)).toEqual([0, 1]);
    expect(keptAt(0.81)).toEqual([0, 1, 2]);
    expect(keptAt(1)).toEqual([0, 1, 2]);
  });

  it('takes equals by their ids for top-p, and keeps them all for top-k', () => {
    const logits = new Float32Array(10);
    const kept = (given: Partial<SamplingSettings>): number[] => {
      const { weights } = samplingDistribution(logits, samplingSettings(given));
      return [...weights.keys()].filter((id) => weights[id] !== 0);
    };
    expect(kept({ topP: 0.35 })).toEqual([0, 1, 2, 3]);
    expect(kept({ topK: 2 })).toHaveLength(10);
  });

  it('never draws a token without weight, at either end of the numbers drawn', () => {
    const distribution = samplingDistribution(
      Float32Array.of(0, 1, 2, 3),
      samplingSettings({ forbidden: [0, 3] }),
    );
    expect(drawToken(distribution, 0)).toBe(1);
    expect(drawToken(distribution, 1 - 2 ** -53)).toBe(2);
  });

  it('forbidden tokens stay in the normalizer of log-probabilities, if no filter cuts', () => {
    const logits = Float32Array.of(1, 3, 2, -1);
    const seen = new Set<number>();
    for (let sample = 0; sample < 200; sample++) {
      for (const temperature of [1, 0.6]) {
        const sampler = new TokenSampler(samplingSettings({ temperature, forbidden: [1, 9] }));
        const token = sampler.sample(logits, [], randomStream({ seed: 1, prompt: 0, sample }));
        expect(token.logprob).toBeCloseTo(
          modelLogProbability(
            Float64Array.from(logits, (logit) => logit / temperature),
            token.id,
          ),
          12,
        );
        seen.add(token.id);
      }
    }
    expect([...seen].sort()).toEqual([0, 2, 3]);
    const cut = samplingDistribution(logits, samplingSettings({ forbidden: [1], topK: 2 }));
    expect(logProbability(cut, 2)).toBeCloseTo(-Math.log1p(Math.exp(-1)), 14);
  });

  it('minus infinity is a token of probability 0', () => {
    const logits = Float32Array.of(Number.NEGATIVE_INFINITY, 0, 0);
    const { weights, total } = samplingDistribution(
      logits,
      samplingSettings({ topP: 0.9, minP: 0.1 }),
    );
    expect([...weights].map((weight) => weight / total)).toEqual([0, 0.5, 0.5]);
    expect(modelLogProbability(logits, 1)).toBeCloseTo(Math.log(0.5), 15);
  });

  it('greedy takes the largest after the penalty, of probability 1; the model is asked without penalty', () => {
    const sampler = new TokenSampler(samplingSettings({ temperature: 0, repetitionPenalty: 2 }));
    const token = sampler.sample(Float32Array.of(1, 3, 2), [1], () => {
      throw new Error('greedy choice draws no number');
    });
    expect(token).toMatchObject({ id: 2, logprob: 0 });
    expect(token.modelLogprob).toBeCloseTo(
      2 - Math.log(Math.exp(1) + Math.exp(3) + Math.exp(2)),
      14,
    );
  });

  it('refuses logits that are not finite, and settings out of range', () => {
    const bad = [Number.NaN, Number.POSITIVE_INFINITY];
    for (const logit of bad) {
      for (const temperature of [0, 1]) {
        const sampler = new TokenSampler(samplingSettings({ temperature }));
        expect(() => sampler.sample(Float32Array.of(0, logit), [], () => 0)).toThrowError(
          expect.objectContaining({ code: 'not-finite' }),
        );
      }
    }
    expect(() =>
      samplingDistribution(Float32Array.of(1, 2), samplingSettings({ forbidden: [0, 1] })),
    ).toThrowError(expect.objectContaining({ code: 'not-finite' }));
    const wrong: Partial<SamplingSettings>[] = [
      { temperature: -1 },
      { temperature: Number.NaN },
      { topP: 0 },
      { topP: 1.1 },
      { topK: 2.5 },
      { topK: -1 },
      { minP: -0.1 },
      { minP: Number.NaN },
      { repetitionPenalty: 0 },
      { forbidden: [-1] },
    ];
    for (const settings of wrong)
      expect(() => samplingSettings(settings)).toThrowError(
        expect.objectContaining({ code: 'invalid-argument' }),
      );
  });

  it('a vocabulary of 152,000 takes little: the same token by definition', () => {
    const logits = madeLogits(152_000, 3);
    const given = { temperature: 0.8, topK: 1000, topP: 0.95, minP: 0.001 };
    const { weights, total } = samplingDistribution(logits, samplingSettings(given));
    const expected = bruteForce(logits, given);
    expect(weights.filter((weight) => weight > 0).length).toBe(expected.size);
    for (const [id, p] of expected)
      expect(Math.abs((weights[id] ?? 0) / total - p)).toBeLessThan(1e-13);
  });
});

describe('streams', () => {
  const first = (stream: () => number): number[] => Array.from({ length: 4 }, stream);

  it('are functions of their key alone', () => {
    const key = { seed: 2 ** 40 + 1, prompt: 3, sample: 2 };
    expect(first(randomStream(key))).toEqual(first(randomStream({ ...key })));
  });

  it('differ in every part of the key, and by name from those by place', () => {
    const keys = [
      { seed: 0, prompt: 0, sample: 0 },
      { seed: 1, prompt: 0, sample: 0 },
      { seed: -1, prompt: 0, sample: 0 },
      { seed: 2 ** 32, prompt: 0, sample: 0 },
      { seed: 0, prompt: 1, sample: 0 },
      { seed: 0, prompt: 0, sample: 1 },
      { rowSeed: 0 },
      { rowSeed: 1 },
    ];
    const draws = keys.map((key) => first(randomStream(key)).join());
    expect(new Set(draws).size).toBe(keys.length);
  });

  it('first numbers of many rows are uniform', () => {
    const counts = new Float64Array(64);
    for (let prompt = 0; prompt < 200; prompt++) {
      for (let sample = 0; sample < 100; sample++) {
        const place = Math.floor(64 * randomStream({ seed: 5, prompt, sample })());
        counts[place] = (counts[place] ?? 0) + 1;
      }
    }
    const expected = 20_000 / 64;
    const statistic = counts.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
    expect(chiSquareTail(statistic, 63)).toBeGreaterThan(0.001);
  });

  it('refuse a seed that is no integer', () => {
    expect(() => randomStream({ rowSeed: 0.5 })).toThrowError(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });
});
