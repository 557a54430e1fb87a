// Seconds of an IAPO step beside a GRPO step on the tiny models: the same student, tasks and rollouts.
//   npx tsx bench/iapo/step-time.ts [--steps 6] [--turns 3] [--ig-steps 8] [--workers 2] [--threads 1]
// The learning rate is next to nothing, so that every turn samples the same calls. IAPO is measured with an empty and
// with a filled cache of the teacher's explanations: a run meets both, as it comes back to its tasks.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { OnnxVlm, trainIapo } from '@iapo/iapo';
import { SmallCharts, smallChartScorer, smallChartTools, tinyVlmPath } from '@iapo/tiny-vlm';

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '6' },
    turns: { type: 'string', default: '3' },
    'ig-steps': { type: 'string', default: '8' },
    workers: { type: 'string', default: '2' },
    threads: { type: 'string', default: '1' },
  },
});
const [steps, turns, igSteps, worker, threads] = [
  options.steps,
  options.turns,
  options['ig-steps'],
  options.workers,
  options.threads,
].map(Number) as [number, number, number, number, number];

await using student = await OnnxVlm.load(tinyVlmPath('student'), {
  lora: { r: 16, alpha: 32, targetModules: 'all-linear' },
  worker,
  threads,
});
await using teacher = await OnnxVlm.load(tinyVlmPath('teacher'), { worker, threads });
const tasks = new SmallCharts({ split: 'train', seed: 'step-time' }).tasks(8 * steps);
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

interface Measured {
  readonly total: number[];
  readonly phases: Record<string, number[]>;
  distinctCalls: number[];
}
const empty = (): Measured => ({ total: [], phases: {}, distinctCalls: [] });
const measured = {
  GRPO: empty(),
  'IAPO, penalty gated': empty(),
  'IAPO, penalty gated, teacher cached': empty(),
  'IAPO, all calls': empty(),
  'IAPO, all calls, teacher cached': empty(),
};

async function measure(name: keyof typeof measured, cache: string | null): Promise<void> {
  const into = measured[name];
  const events = trainIapo({
    student,
    tasks,
    steps,
    seed: 0,
    learningRate: 1e-12,
    episode: { tools: smallChartTools, maxTurns: 2, maxTokensPerTurn: 48, temperature: 1 },
    score: { scorer: smallChartScorer },
    ...(cache === null
      ? {}
      : {
          teacher,
          reward: { lambda: 0.1, gate: name.includes('gated') ? 'mixedGroups' : 'all' } as const,
          explain: {
            attribution: { method: 'integratedGradients', steps: igSteps } as const,
            requireConvergence: false,
            teacherCache: cache,
          },
        }),
  });
  for await (const event of events) {
    if (event.type === 'explanations-end') into.distinctCalls.push(event.chosen);
    if (event.type !== 'step-end') continue;
    const phases = event.clock.phases ?? {};
    into.total.push(Object.values(phases).reduce((sum, ms) => sum + ms, 0));
    for (const [phase, ms] of Object.entries(phases)) {
      const list = into.phases[phase] ?? [];
      list.push(ms);
      into.phases[phase] = list;
    }
  }
}

// Sessions are created in the first run of each kind.
const caches = mkdtempSync(join(tmpdir(), 'iapo-step-time-'));
try {
  await measure('IAPO, all calls', join(caches, 'warm-up.jsonl'));
  for (const [name, value] of Object.entries(empty())) {
    Object.assign(measured['IAPO, all calls'], { [name]: value });
  }
  for (let turn = 0; turn < turns; turn++) {
    await measure('GRPO', null);
    for (const kind of ['IAPO, penalty gated', 'IAPO, all calls'] as const) {
      const cache = join(caches, `${kind.replaceAll(/\W/g, '')}-${turn}.jsonl`);
      await measure(kind, cache);
      await measure(`${kind}, teacher cached`, cache);
    }
  }
} finally {
  rmSync(caches, { recursive: true, force: true });
}
const grpo = median(measured.GRPO.total);
const phases = ['sample', 'score', 'explain', 'logprobs', 'backward'];
console.log(
  `| step | s | to GRPO | distinct calls | ${phases.map((p) => `${p}, s`).join(' | ')} |`,
);
console.log(`|---|---|---|---|${phases.map(() => '---').join('|')}|`);
for (const [name, { total, phases: by, distinctCalls }] of Object.entries(measured)) {
  const seconds = phases.map((phase) => (median(by[phase] ?? [0]) / 1000).toFixed(2));
  const calls = distinctCalls.length === 0 ? '' : median(distinctCalls);
  console.log(
    `| ${name} | ${(median(total) / 1000).toFixed(2)} | ${(median(total) / grpo).toFixed(2)} | ${calls} | ${seconds.join(' | ')} |`,
  );
}
