/**
 * Writes what the scripts in scripts/reference/tiny-vlm compare with: a model's configuration and weights as a
 * Hugging Face checkpoint, the batches of its first training steps, and this package's losses on them.
 *
 *   npx tsx training/cli/export-reference.ts --model base --steps 200 --out /some/folder
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RunFolder } from '@iapo/rl-core';
import { makeBatch } from '../data/batch.js';
import { Demonstrations } from '../data/demonstrations.js';
import { toPatches } from '../data/pixels.js';
import { checkpointTensors } from '../model/checkpoint-tensors.js';
import { writeSafetensors } from '../model/safetensors.js';
import { TrainableModel } from '../model/trainable-model.js';
import { writeModelFolder } from '../model/write-model.js';
import { episodeLogits } from '../sampling/episode-logits.js';
import { shippedModel } from '../sampling/sampling-model.js';
import { supervisedRecipes } from '../supervised/recipes.js';
import { stageAt, trainSupervised } from '../supervised/train-supervised.js';
import { makeTokenizer } from '../text/vocabulary.js';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'base' },
    steps: { type: 'string', default: '100' },
    out: { type: 'string' },
    threads: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
  },
});
const { model: name, out } = values;
if (out === undefined || (name !== 'base' && name !== 'teacher')) {
  throw new Error('Use: export-reference --model base|teacher --steps 100 --out folder');
}
const { architecture, supervised } = supervisedRecipes[name];
const steps = Number(values.steps);
const tokenizer = makeTokenizer();
const { seed, batchSize, stages } = supervised;
const model = await TrainableModel.create(architecture, tokenizer.size, {
  seed,
  threads: Number(values.threads),
  workers: Number(values.workers),
});
mkdirSync(out, { recursive: true });
const folder = join(out, 'model');
writeModelFolder(folder, architecture, { tokenizer, weights: model.weights });
writeSafetensors(
  join(folder, 'model.safetensors'),
  checkpointTensors(architecture, tokenizer.size, model.weights),
);
const demonstrations = new Demonstrations(tokenizer, `supervised/${seed}`);
for (let step = 0; step < steps; step++) {
  const examples = await Promise.all(
    Array.from({ length: batchSize }, (_, index) =>
      demonstrations.example(step * batchSize + index, stageAt(stages, step).stage),
    ),
  );
  const { feeds } = makeBatch(tokenizer, examples);
  writeSafetensors(
    join(out, `batch-${String(step).padStart(4, '0')}.safetensors`),
    Object.entries(feeds).map(([tensor, { dims, data }]) => {
      if (!(data instanceof Float32Array || data instanceof BigInt64Array)) {
        throw new TypeError(`"${tensor}" is neither float32 nor int64.`);
      }
      return { name: tensor, shape: dims, data };
    }),
  );
}
await writePrompt(join(out, 'prompt.safetensors'));
const run = await RunFolder.open(join(out, 'run'), { config: {}, resume: false, clock: Date.now });
const losses: number[] = [];
const milliseconds: number[] = [];
for await (const event of trainSupervised({ model, tokenizer }, supervised, {
  run,
  clock: performance.now.bind(performance),
})) {
  losses.push(event.loss);
  milliseconds.push(event.durationMs);
  if (event.step >= steps) break;
}
await run.close();
await model.dispose();
writeFileSync(
  join(out, 'typescript.json'),
  `${JSON.stringify({ architecture, recipe: supervised, losses, milliseconds })}\n`,
);

/** One episode's tokens and pictures, and the logits that the shipped graphs give for them. */
async function writePrompt(path: string): Promise<void> {
  const episode = { questions: 0, readsAll: 0, rightCalls: 1, withoutTools: 0 };
  const { ids, images } = await demonstrations.example(0, episode);
  const patched = images.map(toPatches);
  const pixels = Float32Array.from(patched.flatMap((picture) => [...picture.pixels]));
  const grid = BigInt64Array.from(patched.flatMap((picture) => picture.grid.map(BigInt)));
  const shipped = await shippedModel(folder);
  const logits = await episodeLogits(shipped, { ids, pixels, grid });
  await shipped.dispose();
  writeSafetensors(path, [
    { name: 'input_ids', shape: [1, ids.length], data: BigInt64Array.from(ids, BigInt) },
    { name: 'pixel_values', shape: [pixels.length / 384, 384], data: pixels },
    { name: 'image_grid_thw', shape: [images.length, 3], data: grid },
    { name: 'logits', shape: [ids.length, tokenizer.size], data: logits },
  ]);
}
