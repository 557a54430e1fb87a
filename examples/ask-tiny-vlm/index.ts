// Asks a tiny model about a small chart: `npm start -- --seed 7`, or
// `npm start -- --picture chart.png --metadata chart.json --request "value of B?"`.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SmallCharts, smallChartTools, type TinyVlmName, tinyVlmPath } from '@iapo/tiny-vlm';
import { OnnxVlm } from '@iapo/vlm-adapters';
import {
  decodeImage,
  type EpisodeTask,
  encodePng,
  type ImageMetadata,
  runEpisode,
  toRgb,
} from '@iapo/vqa-tools';
import { greedyPolicy } from './tiny-policy.js';

const { values } = parseArgs({
  options: {
    // The only one so far; the teacher takes its place once it is trained.
    model: { type: 'string', default: 'teacher' },
    seed: { type: 'string', default: '0' },
    picture: { type: 'string' },
    metadata: { type: 'string' },
    request: { type: 'string', default: 'What is the value of the red one?' },
    out: { type: 'string', default: 'out' },
  },
});

/** A task of the validation set, or the user's own picture with the boxes that the tools need. */
async function chooseTask(): Promise<
  EpisodeTask & { toolNames?: readonly string[]; right?: string }
> {
  const { picture, metadata, request } = values;
  if (picture === undefined) {
    const task = new SmallCharts({ split: 'validation', seed: values.seed }).task(0);
    return { ...task, right: task.answer.join(', ') };
  }
  if (metadata === undefined)
    throw new Error('A picture needs --metadata, the boxes of its items.');
  const image = toRgb(await decodeImage(await readFile(picture)));
  // The form that this example writes beside its pictures.
  const boxes = JSON.parse(await readFile(metadata, 'utf8')) as ImageMetadata;
  return {
    id: picture,
    metadata: boxes,
    messages: [
      {
        role: 'system',
        content: [{ type: 'text', text: 'You read small charts. Call a tool first, then answer.' }],
      },
      {
        role: 'user',
        content: [
          { type: 'image', image },
          { type: 'text', text: request },
        ],
      },
    ],
  };
}

const task = await chooseTask();
const model = await OnnxVlm.load(tinyVlmPath(values.model as TinyVlmName));
const { turns, images, answer } = await runEpisode(greedyPolicy(model), task, {
  tools: smallChartTools,
  ...(task.toolNames === undefined ? {} : { toolNames: task.toolNames }),
});

await model[Symbol.asyncDispose]();

await mkdir(values.out, { recursive: true });
const [before, after] = images;
if (before !== undefined) await writeFile(join(values.out, 'picture.png'), encodePng(before));
if (after !== undefined) await writeFile(join(values.out, 'edited.png'), encodePng(after));
await writeFile(join(values.out, 'picture.json'), `${JSON.stringify(task.metadata)}\n`);

const asked = task.messages.at(-1)?.content.find((part) => part.type === 'text');
console.log(`Question: ${asked?.type === 'text' ? asked.text : ''}`);
console.log(`Call:     ${turns[0]?.text.replaceAll('\n', ' ')}`);
console.log(
  `Answer:   ${answer ?? 'none'}${task.right === undefined ? '' : ` (right: ${task.right})`}`,
);
console.log(`Pictures: ${values.out}/picture.png, ${values.out}/edited.png`);
