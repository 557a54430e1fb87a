import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { toyAgent } from '../../test/models/toy-agent.js';
import { loadConfig } from './load-config.js';
import { parseConfig } from './parse-config.js';
import { setOption } from './set-option.js';
import { nearest } from './suggest.js';

const base = { student: { model: 'models/student' }, data: { files: 'train.jsonl' } };

describe('parseConfig', () => {
  test('takes what `trainIapo` takes', () => {
    const config = {
      ...base,
      teacher: toyAgent('teacher'),
      label: 'iapo',
      steps: 10,
      tools: ['crop', 'zoom'],
      episode: { dialect: 'hermes', temperature: 0.9, maxTurns: 2 },
      reward: {
        lambda: 0.3,
        divergence: 'jensenShannon',
        missing: { 'no-call': 'group-max' },
        cap: null,
      },
      explain: { attribution: { method: 'shapley', reduce: 'sum>sum' }, budget: 8 },
      loss: { lossType: 'gspo', epsilonLow: 3e-4 },
      keepTrajectories: { everySteps: 2 },
    };
    expect(parseConfig(config)).toBe(config);
  });

  test.each<[string, object, string]>([
    ['a mistyped option', { stpes: 3 }, 'unknown option `stpes`. Did you mean `steps`?'],
    [
      'one inside',
      { reward: { lamda: 1 } },
      'unknown option `reward.lamda`. Did you mean `lambda`?',
    ],
    [
      'one of a model',
      { student: { model: 'x', dtpye: 'q4' } },
      '`student.dtpye`. Did you mean `dtype`?',
    ],
    [
      'one of an adapter',
      { student: { model: 'x', lora: { r: 1, alhpa: 1, targetModules: 'a' } } },
      '`student.lora.alhpa`. Did you mean `alpha`?',
    ],
    ['one far from all', { xyz: 1 }, 'unknown option `xyz`. Known: label, seed, student'],
    [
      'a mistyped name',
      { reward: { divergence: 'jensenShanon' } },
      'Did you mean `jensenShannon`?',
    ],
    [
      'a mistyped method',
      { explain: { attribution: 'integratedGradient' } },
      'Did you mean `integratedGradients`?',
    ],
    ['a mistyped tool', { tools: ['corp'] }, 'Did you mean `crop`?'],
    ['a name of nothing', { loss: 'sarsa' }, '`loss` is "sarsa"; known: grpo'],
    ['a wrong type', { steps: 'ten' }, '`steps`: expected number, got "ten".'],
    ['a wrong range', { reward: { lambda: -1 } }, '`reward.lambda`: Too small'],
    ['a missing model', { student: undefined }, '`student` is missing'],
    [
      'a rule that is none',
      { reward: { missing: { failed: 'group-men' } } },
      'Did you mean `group-mean`?',
    ],
  ])('tells what is wrong with %s', (_, change, message) => {
    expect(() => parseConfig({ ...base, ...change }, 'iapo.config.ts')).toThrow(message);
  });

  test('tells all mistakes at once, with the file', () => {
    expect(() => parseConfig({ ...base, stpes: 3, reward: { lambda: 'x' } }, 'iapo.yaml')).toThrow(
      /iapo\.yaml:[\s\S]*`reward.lambda`[\s\S]*`stpes`|iapo\.yaml:[\s\S]*`stpes`[\s\S]*`reward.lambda`/,
    );
  });
});

describe('setOption', () => {
  test('sets JSON values and text, also inside and where nothing was', () => {
    const config = { a: 1, reward: { lambda: 1, cap: 2 } };
    expect(setOption(config, 'reward.lambda=0.3')).toEqual({
      a: 1,
      reward: { lambda: 0.3, cap: 2 },
    });
    expect(setOption(config, 'loss=dapo')).toMatchObject({ loss: 'dapo' });
    expect(setOption(config, 'episode.topP=null')).toMatchObject({ episode: { topP: null } });
    expect(setOption(config, 'data.files=["a=b"]')).toMatchObject({ data: { files: ['a=b'] } });
    expect(config).toEqual({ a: 1, reward: { lambda: 1, cap: 2 } });
  });

  test.each(['lambda', '=3', 'a..b=1', 'a.b=1'])('refuses %j', (assignment) => {
    expect(() => setOption({ a: 1 }, assignment)).toThrow(/--set/);
  });

  test('cannot reach prototypes', () => {
    const config = setOption({}, '__proto__.polluted=true');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.keys(config).length).toBeLessThanOrEqual(1);
  });
});

test('the nearest name, or none', () => {
  expect(nearest('lamda', ['lambda', 'gamma'])).toBe('lambda');
  expect(nearest('stpes', ['steps', 'seed'])).toBe('steps');
  expect(nearest('Steps', ['steps'])).toBe('steps');
  expect(nearest('quite other', ['steps', 'seed'])).toBeNull();
});

describe('loadConfig', () => {
  const folderWith = (name: string, text: string): string => {
    const folder = mkdtempSync(join(tmpdir(), 'iapo-config-'));
    writeFileSync(join(folder, name), text);
    return folder;
  };

  test.each([
    [
      'iapo.config.ts',
      'const steps: number = 7;\nexport default { student: { model: "m" }, steps };',
    ],
    ['iapo.config.mjs', 'export default { student: { model: "m" }, steps: 7 };'],
    ['iapo.config.yaml', 'student:\n  model: m\nsteps: 7\n'],
    ['iapo.config.json', '{ "student": { "model": "m" }, "steps": 7 }'],
  ])('reads %s', async (name, text) => {
    const folder = folderWith(name, text);
    const loaded = await loadConfig({ folder, set: ['seed=4', 'reward.lambda=0.1'] });
    expect(loaded.config).toEqual({
      student: { model: 'm' },
      steps: 7,
      seed: 4,
      reward: { lambda: 0.1 },
    });
    expect(loaded.folder).toBe(folder);
    expect(loaded.file).toBe(join(folder, name));
  });

  test('takes a file by name, and models as they are', async () => {
    class Model {
      encode(): void {}
    }
    const folder = folderWith(
      'mine.mjs',
      'class Model { #secret = 3; encode() { return this.#secret; } }\nexport default { student: new Model(), tasks: [] };',
    );
    const { config } = await loadConfig({ folder, file: 'mine.mjs' });
    expect(new Model().encode).toBeTypeOf('function');
    expect((config.student as unknown as { encode(): number }).encode()).toBe(3);
  });

  test('says where it looked when there is none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'iapo-config-'));
    await expect(loadConfig({ folder })).rejects.toMatchObject({ code: 'config-not-found' });
    await expect(loadConfig({ folder, file: 'other.yaml' })).rejects.toMatchObject({
      code: 'config-not-found',
    });
  });

  test.each([
    ['iapo.config.json', '{ "student": '],
    ['iapo.config.mjs', 'throw new Error("broken inside");'],
    ['iapo.config.yaml', 'steps: [1'],
  ])('a file that cannot be read is refused: %s', async (name, text) => {
    await expect(loadConfig({ folder: folderWith(name, text) })).rejects.toMatchObject({
      code: 'config-invalid',
    });
  });
});
