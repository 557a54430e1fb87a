import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { IapoEvent } from '../../src/train/events.js';
import { iapo } from '../cli/run-cli.js';
import { familyFolder } from './fixture-models.js';

const tables = fileURLToPath(
  new URL('../../../vqa-tools/data/wikitablequestions', import.meta.url),
);

const dialect = fileURLToPath(new URL('./everything-is-a-call.ts', import.meta.url));

const remainder = `{
  name: 'remainder',
  values: (inputs) => inputs.map(({ episode }) => (episode.firstTurn.tokenIds[0] ?? 0) % 7),
}`;

/** A project as a user has it: two folders of models, a folder of real questions, and a configuration. */
function project(student: string, teacher: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'iapo-folders-'));
  cpSync(tables, join(folder, 'data'), { recursive: true });
  writeFileSync(
    join(folder, 'iapo.config.ts'),
    `import { everythingIsACall } from ${JSON.stringify(dialect)};
export default {
  student: {
    model: ${JSON.stringify(familyFolder(student))},
    lora: { r: 2, alpha: 4, targetModules: 'all-linear' },
  },
  teacher: { model: ${JSON.stringify(familyFolder(teacher))} },
  data: { files: 'data/questions.jsonl', limit: 6 },
  tools: ['flip'],
  runFolder: 'runs/first',
  steps: 2,
  promptsPerStep: 1,
  samplesPerPrompt: 4,
  learningRate: 1e-3,
  episode: { dialect: everythingIsACall, maxTokensPerTurn: 6, maxTurns: 2 },
  reward: { lambda: 1 },
  // Random weights are never right; something must tell rollouts apart.
  rewards: [{ weight: 1, reward: ${remainder} }],
  explain: { attribution: { steps: 8, maximumSteps: 8 }, requireConvergence: false },
};\n`,
  );
  return folder;
}

describe('iapo train on folders of models and of real questions', () => {
  test.each([
    ['qwen2_5_vl', 'qwen2_5_vl'],
    ['qwen2_5_vl', 'smolvlm'],
    // Templates without a place for tools.
    ['smolvlm', 'qwen2_vl'],
    ['gemma3', 'qwen3_vl'],
  ])('student %s, teacher %s', async (student, teacher) => {
    const folder = project(student, teacher);
    const config = join(folder, 'iapo.config.ts');
    const { code, err } = await iapo('train', '--config', config);
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('step 2/2') });
    const run = join(folder, 'runs', 'first');
    const events = readFileSync(join(run, 'events.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line): IapoEvent => JSON.parse(line));
    const explanations = events.filter((event) => event.type === 'explanations-end');
    expect(explanations).toHaveLength(2);
    expect(events.filter(({ type }) => type === 'update-end').length).toBeGreaterThan(0);
    for (const event of events) {
      if (event.type !== 'step-end') continue;
      // The table of each question is shown as a picture, which the tool can flip.
      expect(event.metrics['tools/success_rate']).toBe(1);
      if (event.blocks !== null) expect(event.blocks.student['I']).toBeGreaterThan(0);
    }
    for (const { distinctCalls } of explanations) expect(distinctCalls).toBeGreaterThan(0);
    const explained = events.flatMap((event) =>
      event.type === 'step-end' ? [event.metrics['penalty/explained'] ?? 0] : [],
    );
    const failures = explanations.flatMap((event) => event.failures);
    // Random bytes may be no text that another vocabulary can spell: counted, not turned into a number.
    if (teacher === student) expect(Math.max(...explained)).toBeGreaterThan(0);
    expect(Math.max(...explained) > 0 || failures.length > 0).toBe(true);
    for (const { reason } of failures) expect(reason).toMatch(/spell/);
    expect(existsSync(join(run, 'report.html'))).toBe(true);
    expect(existsSync(join(run, 'adapter', 'adapter_model.safetensors'))).toBe(true);

    const again = await iapo('train', '--config', config);
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining('--resume') });
  });
});

describe('a KL term in the loss', () => {
  const steps = ['--set', 'steps=2', '--set', 'loss.lossType=grpo', '--set', 'loss.beta=0.1'];

  test('has the model without its new adapter for a reference', async () => {
    const folder = project('qwen2_5_vl', 'qwen2_5_vl');
    const words = ['train', '--config', join(folder, 'iapo.config.ts'), ...steps, '--json'];
    const { code, out, err } = await iapo(...words);
    expect({ code, err }).toMatchObject({ code: 0 });
    const kl = out
      .trim()
      .split('\n')
      .map((line): IapoEvent => JSON.parse(line))
      .flatMap((event) => (event.type === 'step-end' ? [event.metrics['kl'] ?? null] : []));
    expect(kl).toHaveLength(2);
    // The adapter begins as nothing, and has moved after a step.
    expect(Math.abs(kl[0] ?? Number.NaN)).toBeLessThan(1e-9);
    expect(kl[1]).toBeGreaterThan(1e-9);
  });

  test('needs one to be given for an adapter that was trained before', async () => {
    const folder = project('qwen2_5_vl', 'qwen2_5_vl');
    const config = join(folder, 'iapo.config.ts');
    const text = readFileSync(config, 'utf8');
    const adapter = JSON.stringify(`${familyFolder('qwen2_5_vl')}adapter`);
    writeFileSync(config, text.replace(/lora: {.*}/, `adapter: ${adapter}`));
    const { code, err } = await iapo('train', '--config', config, ...steps);
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringContaining('`reference` is missing'),
    });
  });
});

describe('iapo eval on sets', () => {
  const parquet = fileURLToPath(
    new URL('../../../vqa-tools/test/fixtures/parquet/', import.meta.url),
  );

  test('reads the sets by their names, each with its scorer, and gives their mean', async () => {
    const folder = project('qwen2_5_vl', 'qwen2_5_vl');
    const config = join(folder, 'iapo.config.ts');
    const sets = {
      vwtq: { files: join(parquet, 'tablevqa.parquet') },
      'horizontal-bars': { files: join(parquet, 'vtool_chart.parquet'), limit: 2 },
    };
    const text = readFileSync(config, 'utf8');
    writeFileSync(
      config,
      text.replace(/};\n$/, `  validationSets: ${JSON.stringify(sets)},\n};\n`),
    );
    const predictions = join(folder, 'predictions');
    const words = ['eval', '--config', config, '--sets'];
    const { code, out, err } = await iapo(...words, '--predictions', predictions);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(out).toMatch(/^vwtq: .*, 4 tasks$/m);
    expect(out).toMatch(/^horizontal-bars: .*, 2 tasks$/m);
    expect(out).toMatch(/^mean of 2 sets {2}\d+\.\d %/m);
    expect(existsSync(join(predictions, 'vwtq.jsonl'))).toBe(true);
    const json = await iapo(...words, '--limit', '1', '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      interval: null,
      sets: { vwtq: { accuracy: { count: 1 } }, 'horizontal-bars': { mode: 'with-tools' } },
    });
    writeFileSync(config, text);
    expect(await iapo(...words)).toMatchObject({
      code: 2,
      err: expect.stringContaining('validationSets'),
    });
  });
});
