/**
 * Time of advantages + loss + cotangents for 512 sequences of 1,024 tokens, loss by loss, on one core.
 *
 *   npx tsx bench/rl-core/losses.ts [--json] [--write ARRAYS.bin]
 *
 * `--write` saves the arrays, so that bench/peers/rl-core/losses.py times TRL on the same ones.
 */
import { writeFileSync } from 'node:fs';
import {
  advantageEstimators,
  type PolicyLossOptions,
  policyLoss,
  seededRandom,
} from '../../packages/rl-core/src/index.ts';

const ROWS = 512;
const TOKENS = 1024;
const GROUP = 8;
const REPEATS = 15;
const WARM_UP = 5;

// Single precision, as a policy gives them and as TRL computes.
const random = seededRandom(7);
const matrix = (draw: (i: number, t: number) => number): Float32Array[] =>
  Array.from({ length: ROWS }, (_, i) =>
    Float32Array.from({ length: TOKENS }, (__, t) => draw(i, t)),
  );
const logprobs = matrix(() => -3 * random.uniform());
const near = (rows: readonly Float32Array[]): Float32Array[] =>
  rows.map((row) => row.map((p) => p + 0.6 * random.uniform() - 0.3));
const oldLogprobs = near(logprobs);
const referenceLogprobs = near(logprobs);
const entropies = matrix(() => 2 * random.uniform());
// Right padding: lengths between a half and all of the row.
const lengths = Array.from({ length: ROWS }, () => TOKENS / 2 + random.integer(TOKENS / 2 + 1));
const completionMask = matrix((i, t) => (t < lengths[i]! ? 1 : 0));
const rewards = Array.from({ length: ROWS }, () => random.integer(2));

const target = process.argv.indexOf('--write');
if (target >= 0) {
  const arrays = [logprobs, oldLogprobs, referenceLogprobs, entropies, completionMask].flat();
  const bytes = [...arrays, Float32Array.from(rewards)].map((row) => new Uint8Array(row.buffer));
  writeFileSync(process.argv[target + 1]!, Buffer.concat(bytes));
}

const cases: Readonly<Record<string, PolicyLossOptions>> = {
  grpo: { lossType: 'grpo' },
  bnpo: { lossType: 'bnpo' },
  dr_grpo: { lossType: 'dr_grpo' },
  dapo: { lossType: 'dapo', epsilonHigh: 0.28 },
  'dapo with KL': { lossType: 'dapo', beta: 0.04 },
  gspo: { lossType: 'gspo' },
  luspo: { lossType: 'luspo', importanceSamplingLevel: 'sequence' },
  cispo: { lossType: 'cispo' },
  sapo: { lossType: 'sapo' },
  vespo: { lossType: 'vespo' },
  gmpo: { lossType: 'gmpo' },
};

function run(options: PolicyLossOptions): number {
  const { advantages } = advantageEstimators.group.estimate({ rewards, groupSize: GROUP });
  const beta = options.beta ?? 0;
  const result = policyLoss(
    {
      logprobs,
      oldLogprobs,
      completionMask,
      entropies,
      advantages,
      referenceLogprobs: beta === 0 ? null : referenceLogprobs,
    },
    { maxCompletionLength: TOKENS, ...options },
  );
  return result.loss;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const results: Record<string, { ms: number; leastMs: number; loss: number }> = {};
for (const [name, options] of Object.entries(cases)) {
  let loss = 0;
  const times: number[] = [];
  for (let k = 0; k < WARM_UP + REPEATS; k += 1) {
    const start = performance.now();
    loss = run(options);
    if (k >= WARM_UP) times.push(performance.now() - start);
  }
  results[name] = { ms: median(times), leastMs: Math.min(...times), loss };
}
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(results)}\n`);
else console.table(results);
