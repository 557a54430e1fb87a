// The training loop by its API: a tiny student learns to call tools beside a tiny teacher, offline.
//   npm start -w examples/train-tiny
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OnnxVlm, trainIapo, writeReport } from '@iapo/iapo';
import { SmallCharts, smallChartScorer, smallChartTools, tinyVlmPath } from '@iapo/tiny-vlm';

await using student = await OnnxVlm.load(tinyVlmPath('student'), {
  lora: { r: 16, alpha: 32, targetModules: 'all-linear' },
});
await using teacher = await OnnxVlm.load(tinyVlmPath('teacher'));
const runFolder = join(mkdtempSync(join(tmpdir(), 'train-tiny-')), 'run');

for await (const event of trainIapo({
  student,
  teacher,
  tasks: new SmallCharts({ split: 'train' }).tasks(500),
  steps: 6,
  promptsPerStep: 4,
  learningRate: 2e-3,
  episode: { tools: smallChartTools, maxTurns: 2, maxTokensPerTurn: 48 },
  score: { scorer: smallChartScorer },
  reward: { lambda: 0.1, gate: 'mixedGroups' },
  explain: {
    attribution: { method: 'integratedGradients', steps: 8 },
    requireConvergence: false,
  },
  runFolder,
})) {
  if (event.type !== 'step-end') continue;
  const { metrics } = event;
  const show = (name: string): string => metrics[name]?.toFixed(2) ?? 'none';
  console.log(
    `step ${event.step}  accuracy ${show('accuracy')}  divergence ${show('penalty/divergence')}  calls that ran ${show('tools/success_rate')}`,
  );
}
console.log(`Report: ${(await writeReport(runFolder)).path}`);
