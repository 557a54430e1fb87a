import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { supervisedRecipes } from '../supervised/recipes.js';
import { makeTokenizer } from '../text/vocabulary.js';
import { trainSupervisedModel } from './train-supervised-model.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'base' },
    runs: { type: 'string', default: join(root, 'runs') },
  },
});
const name = values.model;
if (name !== 'base' && name !== 'teacher') throw new Error(`No recipe for "${name}".`);
const tokenizer = makeTokenizer();
const model = await trainSupervisedModel(
  join(values.runs, name),
  supervisedRecipes[name],
  tokenizer,
);
await model.dispose();
