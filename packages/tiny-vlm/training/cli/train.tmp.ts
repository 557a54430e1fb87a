import { RunFolder } from '@iapo/rl-core';
import { TrainableModel } from '../model/trainable-model.js';
import { countWeights } from '../model/weights.js';
import { supervisedRecipes } from '../supervised/recipes.js';
import { trainSupervised } from '../supervised/train-supervised.js';
import { makeTokenizer } from '../text/vocabulary.js';

const recipe = supervisedRecipes[(process.argv[2] ?? 'base') as 'base'];
const folder = process.argv[3] ?? 'runs/tmp';
const tokenizer = await makeTokenizer();
const model = await TrainableModel.create(recipe.architecture, tokenizer.size, { seed: 0 });
console.log('weights', countWeights(model.weights), 'vocabulary', tokenizer.size);
const run = await RunFolder.open(folder, { config: { ...recipe }, resume: true, clock: Date.now });
for await (const s of trainSupervised({ model, tokenizer }, recipe.supervised, {
  run,
  clock: Date.now,
})) {
  if (s.step % 10 === 0 || s.step < 5)
    console.log(
      s.step,
      s.stage,
      s.loss.toFixed(4),
      s.gradientNorm.toFixed(3),
      s.learningRate.toExponential(2),
      `${s.durationMs} ms`,
    );
  await run.flush();
}
await run.close();
