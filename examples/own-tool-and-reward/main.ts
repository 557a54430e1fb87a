// A tool, a scorer and a part of the reward of one's own. The tool takes the place of a built-in one, under its name:
// it keeps the rows that are named and paints the others white, header included.
//   npm start -w examples/own-tool-and-reward
import {
  defineTool,
  type EpisodeReward,
  OnnxVlm,
  type ScoreOptions,
  trainIapo,
  visualTools,
} from '@iapo/iapo';
import { SmallCharts, smallChartTools, tinyVlmPath } from '@iapo/tiny-vlm';
import { z } from 'zod';

const builtIn = visualTools.focus_on_rows_with_mask;
let runs = 0;
const keepRows = defineTool({
  name: builtIn.name,
  // In the words of the built-in one: the tiny student has never seen others.
  description: builtIn.description,
  parameters: builtIn.parameters,
  inputSchema: z.object({ rows_to_focus_on: z.array(z.string()).min(1) }),
  run: (image, { rows_to_focus_on: labels }, { metadata }) => {
    const rows = (metadata?.rows ?? []).filter(({ label }) => labels.includes(label));
    // What is thrown here is told to the model, and counted as a failed call.
    if (rows.length < labels.length) throw new Error(`no such row among ${labels.join(', ')}`);
    runs += 1;
    const data = image.data.slice();
    for (let y = 0; y < image.height; y++) {
      if (rows.some(({ box }) => y >= box.y1 && y < box.y2)) continue;
      data.fill(255, y * image.width * image.channels, (y + 1) * image.width * image.channels);
    }
    return { image: { ...image, data } };
  },
});

/** Half a point for one right value of two. */
const partly: ScoreOptions['scorer'] = {
  name: 'partly',
  description: 'The share of the right values that the answer names, if it names no others.',
  score: ({ prediction, answers }) => {
    if (prediction === null) return { score: null, reason: 'there is no prediction' };
    const said = String(prediction).match(/\d+/g) ?? [];
    const right = [answers].flat().map(String);
    if (said.some((value) => !right.includes(value))) return { score: 0 };
    return { score: new Set(said).size / right.length };
  },
};

/** A bonus for a call of the tool above that ran. */
const prefersKeepRows: EpisodeReward = {
  name: 'keep_rows',
  values: (inputs) =>
    inputs.map(({ episode: { trajectory } }) =>
      trajectory.turns.some(({ calls }) =>
        calls.some(({ call, outcome }) => call.name === keepRows.name && outcome.ok),
      )
        ? 1
        : 0,
    ),
};

await using student = await OnnxVlm.load(tinyVlmPath('student'), {
  lora: { r: 16, alpha: 32, targetModules: 'all-linear' },
});
// Tables only: the tool is for rows.
const tables = new SmallCharts({ split: 'train' })
  .tasks(300)
  .filter(
    ({ toolNames, content }) =>
      content.kind === 'table' && toolNames.includes(keepRows.name as 'focus_on_rows_with_mask'),
  );

for await (const event of trainIapo({
  student,
  tasks: tables,
  steps: 6,
  promptsPerStep: 4,
  learningRate: 1e-3,
  episode: {
    tools: { ...smallChartTools, [keepRows.name]: keepRows },
    maxTurns: 2,
    maxTokensPerTurn: 48,
  },
  score: { scorer: partly },
  rewards: [{ weight: 0.3, reward: prefersKeepRows }],
})) {
  if (event.type !== 'step-end') continue;
  const { metrics } = event;
  console.log(
    `step ${event.step}  score ${metrics.accuracy?.toFixed(2)}  own tool ${metrics['rewards/keep_rows/mean']?.toFixed(2)}`,
  );
}
console.log(`the tool ran ${runs} times`);
