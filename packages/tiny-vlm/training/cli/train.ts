/**
 * Trains a model and writes it to `models/`:
 *
 *   npm run train -w packages/tiny-vlm -- --model base|student|teacher [--threads 1] [--workers 1] [--runs folder] [--models folder]
 *
 * With one thread inside each operator (the default) the same seed gives the same weights; with several, sums of
 * gradients are added in another order each time. Workers take parts of a batch side by side: the same number of them
 * gives the same weights. A command that was stopped goes on where it was. The student begins as the base, which is trained first where
 * it is missing.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeModel } from '../model/describe-models.js';
import { countWeights } from '../model/weights.js';
import { writeModelFolder } from '../model/write-model.js';
import { outcomeRecipes } from '../reinforcement/recipes.js';
import { supervisedRecipes } from '../supervised/recipes.js';
import { makeTokenizer } from '../text/vocabulary.js';
import { trainOutcomeModel } from './train-outcome-model.js';
import { trainSupervisedModel } from './train-supervised-model.js';

/** What each model is pre-trained as, and whether GRPO follows. */
const plans = {
  base: { supervised: 'base', outcome: null },
  student: { supervised: 'base', outcome: 'student' },
  teacher: { supervised: 'teacher', outcome: 'teacher' },
} as const;

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    threads: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    runs: { type: 'string', default: join(root, 'runs') },
    models: { type: 'string', default: join(root, 'models') },
  },
});
const { model: name, runs, models } = values;
if (name !== 'base' && name !== 'student' && name !== 'teacher') {
  throw new Error(`\`--model\` must be base, student or teacher, got ${name}.`);
}
const plan = plans[name];
const recipe = supervisedRecipes[plan.supervised];
const tokenizer = makeTokenizer();
const model = await trainSupervisedModel(join(runs, plan.supervised), recipe, {
  tokenizer,
  threads: Number(values.threads),
  workers: Number(values.workers),
});
try {
  const outcome = plan.outcome === null ? null : outcomeRecipes[plan.outcome];
  if (outcome !== null) {
    await trainOutcomeModel(join(runs, `${name}-outcome`), outcome, { model, tokenizer });
  }
  const { weights } = model;
  writeModelFolder(join(models, name), recipe.architecture, { tokenizer, weights });
  describeModel(models, name, {
    command: `npm run train -w packages/tiny-vlm -- --model ${name}`,
    seed: recipe.supervised.seed,
    parameters: countWeights(weights),
    supervisedSteps: recipe.supervised.stages.reduce((sum, { steps }) => sum + steps, 0),
    outcomeSteps: outcome?.steps ?? 0,
  });
  console.log(`${name} is in ${join(models, name)}`);
} finally {
  await model.dispose();
}
