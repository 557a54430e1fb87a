/**
 * Plays validation tasks with a shipped model and keeps the figures in `models/evaluation.json` and the
 * README:
 *
 *   npm run evaluate -w packages/tiny-vlm -- --model teacher [--tasks 2000] [--split validation]
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type SmallChartSplit, SmallCharts } from '../../src/index.js';
import { type EvaluationReport, evaluate, evaluationSettings } from '../evaluation/evaluate.js';
import { figuresTable } from '../evaluation/figures-table.js';
import { type Evaluations, withFigures } from '../evaluation/readme-figures.js';
import { Sampler } from '../sampling/sampler.js';
import { shippedModel } from '../sampling/sampling-model.js';
import { makeTokenizer } from '../text/vocabulary.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'teacher' },
    tasks: { type: 'string', default: '2000' },
    split: { type: 'string', default: 'validation' },
    models: { type: 'string', default: join(root, 'models') },
  },
});
const { model: name, models } = values;
const tokenizer = makeTokenizer();
// SmallCharts refuses a split that it does not know.
const split = values.split as SmallChartSplit;
const tasks = new SmallCharts({ split, seed: 'evaluation' }).tasks(Number(values.tasks));
const sampler = new Sampler(await shippedModel(join(models, name)), tokenizer);
const reports: Record<string, EvaluationReport> = {};
try {
  for (const setting of evaluationSettings) {
    const report = await evaluate({ sampler, tokenizer }, tasks, { setting, seed: 0 });
    reports[setting] = report;
    console.log(`\n${name}, ${split}, ${setting}\n${figuresTable(report)}`);
  }
} finally {
  await sampler.dispose();
}
const path = join(models, 'evaluation.json');
// Written here.
const known = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Evaluations) : {};
const all: Evaluations = { ...known, [`${name}/${split}`]: reports };
writeFileSync(path, `${JSON.stringify(all)}\n`);
const readme = join(root, 'README.md');
writeFileSync(readme, withFigures(readFileSync(readme, 'utf8'), all));
