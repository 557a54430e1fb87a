// Does IAPO teach a small model to use tools better than its baselines do? One run of one arm on SmallCharts: trains a
// LoRA adapter from the cold-started student and measures it on tasks that it has not seen.
//   npx tsx bench/iapo/small-charts.ts --arm none|grpo|torl|oracleJudge|teacherLogprob|iapo --seed 0 --out runs/study
// Appends a line of JSON to `<out>/results.jsonl`. A run that was stopped goes on; one that is done is only measured.
// `--reward` and `--explain` take JSON that overrides the arm's settings; `--name` tells such variants apart.
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { evaluate, OnnxVlm, trainIapo } from '@iapo/iapo';
import {
  type SmallChartSplit,
  SmallCharts,
  smallChartScorer,
  smallChartTools,
  tinyVlmPath,
} from '@iapo/tiny-vlm';
import { arms } from './study-arms.js';

const { values: options } = parseArgs({
  options: {
    arm: { type: 'string' },
    name: { type: 'string' },
    seed: { type: 'string', default: '0' },
    steps: { type: 'string', default: '30' },
    prompts: { type: 'string', default: '8' },
    samples: { type: 'string', default: '8' },
    'learning-rate': { type: 'string', default: '2e-3' },
    rank: { type: 'string', default: '16' },
    student: { type: 'string' },
    teacher: { type: 'string' },
    reward: { type: 'string', default: '{}' },
    explain: { type: 'string', default: '{}' },
    weight: { type: 'string' },
    validation: { type: 'string', default: '300' },
    test: { type: 'string', default: '0' },
    threads: { type: 'string', default: '1' },
    out: { type: 'string', default: 'runs/study' },
  },
});
const { arm: armName = '', name = armName } = options;
const arm = arms[armName];
if (arm === undefined && armName !== 'none') {
  throw new Error(
    `\`--arm\` must be none or one of ${Object.keys(arms).join(', ')}, got ${armName}.`,
  );
}
const [seed, steps, threads] = [options.seed, options.steps, options.threads].map(Number) as [
  number,
  number,
  number,
];
const train = new SmallCharts({ split: 'train', seed: 'study' });
const episode = { tools: smallChartTools, maxTurns: 2, maxTokensPerTurn: 48, temperature: 1 };
const score = { scorer: smallChartScorer };
mkdirSync(options.out, { recursive: true });

const rank = Number(options.rank);
await using student = await OnnxVlm.load(options.student ?? tinyVlmPath('student'), {
  lora: { r: rank, alpha: 2 * rank, targetModules: 'all-linear' },
  threads,
});
await using teacher = await OnnxVlm.load(options.teacher ?? tinyVlmPath('teacher'), { threads });

const curve: (number | null)[] = [];
const signal: Record<string, readonly (number | null)[]> = {};
const phases: Record<string, number> = {};
const started = performance.now();
if (arm !== undefined) {
  const tasksOf = new Map<string, ReturnType<typeof train.task>>();
  const tasks = {
    length: 100_000,
    at(index: number) {
      const task = train.task(index);
      tasksOf.set(task.id, task);
      return task;
    },
  };
  const taskOf = (id: string) => {
    const task = tasksOf.get(id);
    if (task === undefined) throw new Error(`Task ${id} was not drawn.`);
    return task;
  };
  for await (const event of trainIapo({
    student,
    tasks,
    steps,
    seed,
    promptsPerStep: Number(options.prompts),
    samplesPerPrompt: Number(options.samples),
    learningRate: Number(options['learning-rate']),
    episode,
    score,
    runFolder: join(options.out, `${name}-${seed}`),
    label: name,
    resume: true,
    ...arm({
      student,
      teacher,
      taskOf,
      reward: JSON.parse(options.reward),
      explain: JSON.parse(options.explain),
      weight: options.weight === undefined ? null : Number(options.weight),
    }),
  })) {
    if (event.type === 'warning') console.error(`step ${event.step}: ${event.message}`);
    if (event.type !== 'step-end') continue;
    const { metrics } = event;
    const accuracy = metrics.accuracy ?? null;
    curve.push(accuracy);
    for (const [phase, seconds] of Object.entries(event.clock.phases ?? {})) {
      phases[phase] = (phases[phase] ?? 0) + seconds;
    }
    const window = ['', '_low', '_high'].map((end) => metrics[`signal/window_auc${end}`] ?? null);
    if (event.step % 10 === 0 && window[0] !== null) signal[event.step] = window;
    console.error(
      `${name} ${seed} ${event.step}/${steps} accuracy ${accuracy?.toFixed(3)} calls ${metrics['tools/call_rate']?.toFixed(2)} run ${metrics['tools/success_rate']?.toFixed(2)} divergence ${metrics['penalty/divergence']?.toFixed(4)} auc ${window[0]?.toFixed(3)} entropy ${metrics.entropy?.toFixed(3)} ${JSON.stringify(event.clock.phases)}`,
    );
  }
}
const seconds = (performance.now() - started) / 1000;

/** As in training, at temperature 1: what the policy does, not only its likeliest call. */
async function measure(split: SmallChartSplit, count: number) {
  if (count === 0) return null;
  const { accuracy, callRate, toolSuccess } = await evaluate(
    student,
    new SmallCharts({ split, seed: 'study' }).tasks(count),
    {
      episode,
      score,
      batchSize: 64,
      predictions: join(options.out, `${name}-${seed}-${split}.jsonl`),
    },
  );
  return { accuracy, callRate, toolSuccess };
}
const measuring = performance.now();
const validation = await measure('validation', Number(options.validation));
const test = await measure('test', Number(options.test));
const { out: _where, ...settings } = options;
const result = {
  name,
  seed,
  validation,
  test,
  curve,
  signal,
  phases,
  seconds,
  measuring: (performance.now() - measuring) / 1000,
  settings,
};
appendFileSync(join(options.out, 'results.jsonl'), `${JSON.stringify(result)}\n`);
console.log(JSON.stringify(result));
