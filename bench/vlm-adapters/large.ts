// A model of Qwen2.5-VL-3B's shape with 4-bit random weights: time to load, and one LoRA gradient of 512 prompt tokens
// and 16 sampled ones, with the most memory that the process held.
//   npx tsx bench/vlm-adapters/large.ts [--folder path]     writes 3 GB; a folder that exists is used as it is
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { OnnxVlm } from '@iapo/vlm-adapters';
import { machine, memoryMebibytes, timed } from './measures.js';
import { shape3B, writeModelFolder } from './model-folder.js';
import { textPrompt } from './text-prompt.js';

const { values: options } = parseArgs({
  options: {
    folder: { type: 'string', default: '' },
    style: { type: 'string', default: 'group-query-attention' },
    runs: { type: 'string', default: '1' },
    prompt: { type: 'string', default: '512' },
    completion: { type: 'string', default: '16' },
  },
});
const isOurs = options.folder === '';
const folder = isOurs ? mkdtempSync(join(tmpdir(), 'vlm-adapters-bench-')) : options.folder;
const row = (what: string, seconds: number | null): void => {
  const time = seconds === null ? '' : seconds.toFixed(2);
  const held = memoryMebibytes('VmRSS').toFixed(0);
  console.log(`| ${what} | ${time} | ${held} | ${memoryMebibytes('VmHWM').toFixed(0)} |`);
};

try {
  if (isOurs || !existsSync(join(folder, 'config.json'))) {
    const style = options.style === 'raw' ? 'raw' : 'group-query-attention';
    writeModelFolder(folder, shape3B, { style, weights: 'q4' });
  }
  console.log(machine);
  console.log('\n| step | seconds | memory, MiB | most so far, MiB |\n|---|---|---|---|');
  row('start', null);
  const loading = await timed(() =>
    OnnxVlm.load(folder, { lora: { r: 8, alpha: 16, targetModules: 'all-linear' } }),
  );
  await using model = loading.result;
  row('load', loading.ms / 1000);
  const prompt = await textPrompt(model, Number(options.prompt));
  const completion = Array.from({ length: Number(options.completion) }, (_, index) => 37 * index);
  const ones = new Float32Array(completion.length).fill(1);
  for (let run = 1; run <= Number(options.runs); run++) {
    const { ms, result } = await timed(() =>
      model.backward([{ prompt, completion }], [ones], { wrt: 'adapter' }),
    );
    const lists = Object.values(result.gradients);
    if (!lists.every((list) => list.every(Number.isFinite)))
      throw new Error('gradients are broken');
    row(`LoRA gradient ${run} (${lists.length} matrices)`, ms / 1000);
  }
} finally {
  if (isOurs) rmSync(folder, { recursive: true, force: true });
}
