import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/program.js';
import { duration, sparkline } from '../../src/cli/sparkline.js';
import { StatusLine } from '../../src/cli/status-line.js';
import type { Terminal } from '../../src/cli/terminal.js';
import { fakeTerminal, iapo } from './run-cli.js';

const toy = fileURLToPath(new URL('../models/toy-agent.ts', import.meta.url));

/** A folder with a configuration whose models are the toy's. */
function toyProject(more = ''): { folder: string; config: string } {
  const folder = mkdtempSync(join(tmpdir(), 'iapo-cli-'));
  const config = join(folder, 'iapo.config.ts');
  writeFileSync(
    config,
    `import { toyAgent, toyTasks } from ${JSON.stringify(toy)};
export default {
  student: toyAgent('student', { favorsCalls: 2, readsGray: 3 }),
  teacher: toyAgent('teacher', { favorsCalls: 4, knowsLabels: 6, readsGray: 4 }),
  tasks: toyTasks(12),
  steps: 4,
  promptsPerStep: 2,
  samplesPerPrompt: 4,
  learningRate: 0.5,
  optimizer: 'sgd',
  episode: { dialect: 'hermes' },
  runFolder: 'runs/first',
  ${more}
};\n`,
  );
  return { folder, config };
}

describe('iapo train', () => {
  test('trains stage by stage, with a report of each', async () => {
    const { folder, config } = toyProject(
      'stages: { coldStart: { steps: 1 }, iapo: { steps: 2 } },',
    );
    const { code, err } = await iapo('train', '--config', config);
    expect(code).toBe(0);
    expect(err).toMatch(/Stage coldStart\n[\s\S]*step 1\/1[\s\S]*Stage iapo\n[\s\S]*step 2\/2/);
    for (const stage of ['coldStart', 'iapo']) {
      expect(existsSync(join(folder, 'runs/first', stage, 'report.html'))).toBe(true);
    }
    const again = await iapo('train', '--config', config, '--resume');
    expect({ code: again.code, steps: /^step \d/m.test(again.err) }).toEqual({
      code: 0,
      steps: false,
    });
  });

  test('a mistyped stage is an error with a suggestion', async () => {
    const { config } = toyProject('stages: { coldstart: { steps: 1 } },');
    const { code, err } = await iapo('train', '--config', config);
    expect(code).toBe(2);
    expect(err).toContain('coldStart');
  });

  test('trains, tells each step, and writes the report', async () => {
    const { folder, config } = toyProject();
    const { code, out, err } = await iapo('train', '--config', config);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err.split('\n').filter((line) => line.startsWith('step '))).toHaveLength(4);
    expect(err).toMatch(/step 4\/4 {2}\S+ {2}accuracy \d\.\d\d/);
    expect(existsSync(join(folder, 'runs/first/report.html'))).toBe(true);
  });

  test('sets options from the command line, and prints events as JSON', async () => {
    const { folder, config } = toyProject();
    const { code, out } = await iapo(
      'train',
      '-c',
      config,
      '--json',
      '--set',
      'steps=2',
      'reward.lambda=0.1',
    );
    expect(code).toBe(0);
    const events = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events[0]).toMatchObject({ type: 'run-start', totalSteps: 2 });
    expect(events.at(-1)).toMatchObject({ type: 'run-end', step: 2 });
    const stored = JSON.parse(readFileSync(join(folder, 'runs/first/config.json'), 'utf8'));
    expect(stored).toMatchObject({ steps: 2, reward: { lambda: 0.1 }, student: 'student' });
  });

  test('the first Ctrl-C saves and stops, --resume goes on', async () => {
    const { folder, config } = toyProject();
    const terminal = fakeTerminal();
    const interrupting: Terminal = {
      ...terminal,
      err: (text) => {
        terminal.err(text);
        if (text.startsWith('step 2/4')) process.emit('SIGINT');
      },
    };
    expect(await runCommandLine(['train', '-c', config], interrupting, '0')).toBe(130);
    expect(terminal.text.err).toMatch(/Stopping after this step[\s\S]*Saved\. Continue with/);
    const again = await iapo('train', '-c', config);
    expect(again.code).toBe(2);
    expect(again.err).toMatch(/already a run/);
    const resumed = await iapo('train', '-c', config, '--resume');
    expect(resumed.code).toBe(0);
    expect(resumed.err).toMatch(/from step 2/);
    const events = readFileSync(join(folder, 'runs/first/events.jsonl'), 'utf8');
    expect(events.match(/"type":"step-end"/g)).toHaveLength(4);
  });

  test('the second Ctrl-C stops at once', async () => {
    const { config } = toyProject();
    const terminal = fakeTerminal();
    const interrupting: Terminal = {
      ...terminal,
      err: (text) => {
        terminal.err(text);
        if (!text.includes('numbers to train')) return;
        process.emit('SIGINT');
        process.emit('SIGINT');
      },
    };
    expect(await runCommandLine(['train', '-c', config], interrupting, '0')).toBe(130);
    expect(terminal.text.err).toMatch(/Stopped\. The last checkpoint stands/);
    expect(process.listenerCount('SIGINT')).toBe(0);
  });

  test('a model that fails is an error with code 1', async () => {
    const { config } = toyProject(
      "score: { scorer: { name: 'moody', description: '', score() { throw new Error('judge is down'); } } },",
    );
    const { code, err } = await iapo('train', '-c', config);
    expect(code).toBe(1);
    expect(err).toMatch(/error: The scorer "moody" failed on task "toy-\d+": judge is down/);
  });
});

describe('iapo eval', () => {
  test('prints accuracy with its interval, and keeps predictions', async () => {
    const { folder, config } = toyProject();
    const path = join(folder, 'predictions.jsonl');
    const { code, out } = await iapo('eval', '-c', config, '--limit', '6', '--predictions', path);
    expect(code).toBe(0);
    expect(out).toMatch(/student, with-tools, 6 tasks\naccuracy +\d+\.\d % \[.*95 % interval/);
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(6);
    const json = JSON.parse(
      (await iapo('eval', '-c', config, '--json', '--mode', 'tools-fail')).out,
    );
    expect(json).toMatchObject({ mode: 'tools-fail', toolSuccess: 0 });
  });

  test('refuses a mode that is none', async () => {
    const { code, err } = await iapo('eval', '--mode', 'no-tools');
    expect(code).toBe(2);
    expect(err).toMatch(/Allowed choices are with-tools, without-tools, tools-fail/);
  });
});

describe('iapo attribute', () => {
  test('draws blocks of student and teacher, by any method', async () => {
    const { config } = toyProject();
    const { code, out } = await iapo('attribute', '-c', config, '--task', '3');
    expect(code).toBe(0);
    expect(out).toMatch(/integratedGradients/);
    const json = JSON.parse(
      (await iapo('attribute', '-c', config, '--method', 'shapley', '--json')).out,
    );
    expect(json.student.method.name).toBe('shapley');
    expect(json.teacher.model.id).toBe('teacher');
  });

  test('writes a page', async () => {
    const { folder, config } = toyProject('teacher: null,');
    const path = join(folder, 'call.html');
    expect((await iapo('attribute', '-c', config, '--format', 'html', '-o', path)).code).toBe(0);
    expect(readFileSync(path, 'utf8')).toContain('<!doctype html>');
    const beyond = await iapo('attribute', '-c', config, '--task', '99');
    expect(beyond).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no task 99; there are 12/),
    });
  });
});

describe('iapo init and report', () => {
  test('init writes a configuration that is one, once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'iapo-init-'));
    expect((await iapo('init', folder)).code).toBe(0);
    const text = readFileSync(join(folder, 'iapo.config.ts'), 'utf8');
    expect(text).toContain("import { defineConfig } from '@iapo/iapo';");
    const again = await iapo('init', folder);
    expect(again).toMatchObject({ code: 2, err: expect.stringMatching(/Pass --force/) });
    expect((await iapo('init', folder, '--force')).code).toBe(0);
    // Its data is not there, which is the first thing that it says.
    const plain = text.replace(/import.*\n/, '').replace('defineConfig(', '(');
    writeFileSync(join(folder, 'iapo.config.ts'), plain);
    expect((await iapo('train', '-c', join(folder, 'iapo.config.ts'))).err).toMatch(
      /data.train\.jsonl/,
    );
  });

  test('report compares runs', async () => {
    const [first, second] = [toyProject(), toyProject("label: 'other',")];
    for (const { config } of [first, second]) await iapo('train', '-c', config);
    const [a, b] = [first, second].map(({ folder }) => join(folder, 'runs/first'));
    const { code, out } = await iapo('report', a ?? '', '--compare', b ?? '', '--json');
    expect(code).toBe(0);
    expect(readFileSync(JSON.parse(out).path, 'utf8')).toContain('"label":"other"');
    expect((await iapo('report', '/nowhere')).code).toBe(2);
  });
});

describe('the command line', () => {
  test('suggests what was meant', async () => {
    const { code, err } = await iapo('tran');
    expect(code).toBe(2);
    expect(err).toMatch(/Did you mean train\?/);
    expect((await iapo('train', '--resme')).err).toMatch(/Did you mean --resume\?/);
    const { config } = toyProject();
    const mistyped = await iapo('train', '-c', config, '--set', 'reward.lamda=1');
    expect(mistyped).toMatchObject({
      code: 2,
      err: expect.stringMatching(/Did you mean `lambda`\?/),
    });
  });

  test('has help and version, and says where a configuration was looked for', async () => {
    expect(await iapo('--version')).toMatchObject({ code: 0, out: '0.1.0\n' });
    expect((await iapo('train', '--help')).out).toMatch(/--resume/);
    const folder = mkdtempSync(join(tmpdir(), 'iapo-none-'));
    const missing = await iapo('train', '-c', join(folder, 'iapo.config.ts'));
    expect(missing).toMatchObject({ code: 2, err: expect.stringMatching(/iapo init/) });
  });
});

describe('the status line', () => {
  test('is drawn over on a terminal, within its width', () => {
    const terminal = fakeTerminal(true);
    const status = new StatusLine(terminal);
    status.update('x'.repeat(100));
    status.print('a warning');
    status.end();
    const drawn = terminal.text.err.split('\r\u001b[2K');
    expect(drawn[1]).toBe('x'.repeat(59));
    expect(drawn[2]).toBe('a warning\n');
    expect(drawn[3]).toBe(`${'x'.repeat(59)}\n`);
  });

  test('is plain lines elsewhere, without escape sequences', () => {
    const terminal = fakeTerminal();
    const status = new StatusLine(terminal);
    status.update('step 1');
    status.update('step 1');
    status.print('a warning');
    status.end();
    expect(terminal.text.err).toBe('step 1\na warning\n');
  });

  test('sparklines and durations', () => {
    expect(sparkline([0, 1, null, 0.5], 10)).toBe('▁█ ▅');
    expect(sparkline([1, 1], 10)).toBe('▅▅');
    expect(sparkline([1, 2, 3], 2)).toBe('▁█');
    expect([5e3, 150e3, 7.5e6].map(duration)).toEqual(['5 s', '3 min', '2 h 5 min']);
  });
});
