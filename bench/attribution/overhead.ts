/**
 * Time that `attribute` takes besides the model: 16-step integrated gradients and exact Shapley values of a model that
 * answers at once. Run: npx tsx bench/attribution/overhead.ts
 *
 * The model hands out one array that it made before, so what is measured is the package: points, sums, reductions.
 * The column of bare arithmetic repeats what no implementation can leave out (write and read steps × tokens × hidden numbers) in plain loops.
 */
import { cpus } from 'node:os';
import {
  type AttributionInput,
  type AttributionModel,
  attribute,
} from '../../packages/attribution/src/index.js';

const tokens = 1000;
const steps = 16;
const repeats = 40;

function instantModel(hiddenSize: number): AttributionModel<null> {
  const embeddings = Float32Array.from({ length: tokens * hiddenSize }, (_, at) => Math.sin(at));
  const gradients = Float32Array.from({ length: steps * tokens * hiddenSize }, (_, at) =>
    Math.cos(at),
  );
  return {
    embed: () => ({ embeddings, tokens, hiddenSize }),
    embeddingLogprobs: ({ count, completion }) =>
      new Float32Array(count * completion.length).fill(-1),
    gradients: ({ count, completion }) => ({
      logprobs: new Float32Array(count * completion.length).fill(-1),
      gradients: gradients.subarray(0, count * tokens * hiddenSize),
    }),
  };
}

const input: AttributionInput<null> = {
  prompt: null,
  completion: Array.from({ length: 20 }, (_, id) => id),
  blocks: Array.from(
    { length: tokens },
    (_, token) => ['P', 'R', 'I', 'T'][Math.floor((4 * token) / tokens)] ?? 'P',
  ),
};

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Median of CPU milliseconds, so that other processes on the machine do not count. */
async function measure(run: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let warmUp = 0; warmUp < 100; warmUp++) await run();
  for (let repeat = 0; repeat < repeats; repeat++) {
    const before = process.cpuUsage();
    for (let inner = 0; inner < 5; inner++) await run();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 5000);
  }
  return median(times.slice(repeats / 4));
}

/** The arithmetic that no implementation can leave out: one write and one multiply-add a number. */
function floor(hiddenSize: number): () => number {
  const size = tokens * hiddenSize;
  const x = new Float32Array(size).fill(1);
  const points = new Float32Array(steps * size);
  const sums = new Float64Array(size);
  return () => {
    for (let step = 0; step < steps; step++) {
      for (let at = 0; at < size; at++) points[step * size + at] = (step / steps) * x[at]!;
      for (let at = 0; at < size; at++) sums[at]! += points[step * size + at]!;
    }
    return sums[0] ?? 0;
  };
}

console.log(
  `${cpus()[0]?.model}, node ${process.version}, ${tokens} tokens, ${steps} steps, CPU time, medians of ${repeats * 0.75} × 5`,
);
console.log(
  '| hidden size | integrated gradients, ms | bare arithmetic, ms | exact Shapley of 4 blocks, ms |',
);
console.log('|---|---|---|---|');
for (const hiddenSize of [1, 8, 64]) {
  const model = instantModel(hiddenSize);
  const path = await measure(() => attribute(model, input, { baseline: 'zero', steps }));
  const arithmetic = await measure(floor(hiddenSize));
  const shapley = await measure(() =>
    attribute(model, input, { baseline: 'zero', method: 'shapley' }),
  );
  console.log(
    `| ${hiddenSize} | ${path.toFixed(2)} | ${arithmetic.toFixed(2)} | ${shapley.toFixed(2)} |`,
  );
}
