// Three attribution methods in the same training: what they cost, and whether they agree. The first step of all runs
// has the same rollouts, so its explanations are of the same calls.
//   npm start -w examples/swap-attribution
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  OnnxVlm,
  type RunAttribution,
  readTrajectories,
  type TrajectoryRecord,
  trainIapo,
} from '@iapo/iapo';
import { SmallCharts, smallChartScorer, smallChartTools, tinyVlmPath } from '@iapo/tiny-vlm';

const methods: Readonly<Record<string, RunAttribution>> = {
  integratedGradients: { method: 'integratedGradients', steps: 8 },
  inputXGradient: { method: 'inputXGradient' },
  shapley: { method: 'shapley' },
};
const [promptsPerStep, samplesPerPrompt, steps] = [2, 4, 2];
const tasks = new SmallCharts({ split: 'train' }).tasks(100);
await using teacher = await OnnxVlm.load(tinyVlmPath('teacher'));
const root = mkdtempSync(join(tmpdir(), 'swap-attribution-'));
const firstSteps = new Map<string, readonly TrajectoryRecord[]>();

console.log('method               s a step  explained  accuracy of both steps');
for (const [name, attribution] of Object.entries(methods)) {
  await using student = await OnnxVlm.load(tinyVlmPath('student'), {
    lora: { r: 16, alpha: 32, targetModules: 'all-linear' },
  });
  const runFolder = join(root, name);
  const accuracies: string[] = [];
  let [milliseconds, explained] = [0, 0];
  for await (const event of trainIapo({
    student,
    teacher,
    tasks,
    steps,
    promptsPerStep,
    samplesPerPrompt,
    learningRate: 1e-3,
    episode: { tools: smallChartTools, maxTurns: 2, maxTokensPerTurn: 48 },
    score: { scorer: smallChartScorer },
    reward: { lambda: 0.1 },
    explain: { attribution, requireConvergence: false },
    runFolder,
    keepTrajectories: { everySteps: 1, perStep: promptsPerStep * samplesPerPrompt },
  })) {
    if (event.type === 'explanations-end') explained += event.chosen;
    if (event.type !== 'step-end') continue;
    milliseconds += event.clock.phases?.explain ?? 0;
    accuracies.push(event.metrics.accuracy?.toFixed(2) ?? 'none');
  }
  firstSteps.set(name, await readTrajectories(runFolder, 1));
  const seconds = (milliseconds / 1000 / steps).toFixed(2);
  console.log(
    `${name.padEnd(21)}${seconds.padStart(8)}${String(explained).padStart(11)}  ${accuracies.join(' → ')}`,
  );
}

/** Mean total variation between two methods' distributions over blocks, of the student's explanations. */
function distance(first: string, second: string): string {
  const others = new Map((firstSteps.get(second) ?? []).map((record) => [keyOf(record), record]));
  const distances = (firstSteps.get(first) ?? []).flatMap((record) => {
    const [a, b] = [record.student, others.get(keyOf(record))?.student ?? null];
    if (a === null || b === null) return [];
    const shares = new Map(b.blocks.map((block) => [block.name, block.share ?? 0]));
    return [
      a.blocks.reduce(
        (sum, { name, share }) => sum + Math.abs((share ?? 0) - (shares.get(name) ?? 0)),
        0,
      ) / 2,
    ];
  });
  const mean = distances.reduce((sum, value) => sum + value, 0) / distances.length;
  return `${mean.toFixed(3)} over ${distances.length} calls`;
}

function keyOf({ taskId, sample }: TrajectoryRecord): string {
  return `${taskId} ${sample}`;
}

const names = Object.keys(methods);
console.log('\ntotal variation between the student’s block distributions (0: equal, 1: disjoint)');
for (const [index, first] of names.entries()) {
  for (const second of names.slice(index + 1)) {
    console.log(`${first} and ${second}: ${distance(first, second)}`);
  }
}
