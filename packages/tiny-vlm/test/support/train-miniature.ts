/** Trains the miniature in the folder given, and says every step: a process that a test can kill. */
import { RunFolder } from '@iapo/rl-core';
import { architectures } from '../../training/model/architecture.js';
import { TrainableModel } from '../../training/model/trainable-model.js';
import { trainSupervised } from '../../training/supervised/train-supervised.js';
import { makeTokenizer } from '../../training/text/vocabulary.js';
import { miniatureRecipe } from './miniature-recipe.js';

const folder = process.argv[2];
if (folder === undefined) throw new Error('Give a folder for the run.');
const tokenizer = makeTokenizer();
const { seed } = miniatureRecipe;
const model = await TrainableModel.create(architectures.miniature, tokenizer.size, { seed });
const run = await RunFolder.open(folder, {
  config: { ...miniatureRecipe },
  resume: true,
  clock: Date.now,
});
const options = { run, clock: Date.now };
for await (const { step } of trainSupervised({ model, tokenizer }, miniatureRecipe, options)) {
  await run.flush();
  process.stdout.write(`step ${step}\n`);
}
await run.close();
await model.dispose();
