import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRaster, encodePng, renderTable } from '@iapo/vqa-tools';
import { describe, expect, test } from 'vitest';
import { readTasks } from './read-tasks.js';

function dataFolder(rows: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'iapo-data-'));
  // ChartQA's own layout: pictures lie in `png`.
  mkdirSync(join(folder, 'png'));
  writeFileSync(join(folder, 'png', 'chart.png'), encodePng(createRaster(8, 6)));
  writeFileSync(join(folder, 'train.jsonl'), `${rows.join('\n')}\n`);
  return folder;
}
const row = (image: string): string =>
  JSON.stringify({ imgname: image, query: 'How many bars?', label: '3' });

describe('readTasks', () => {
  test('makes tasks of rows, and decodes a picture when its task is drawn', async () => {
    const folder = dataFolder([row('chart.png'), row('missing.png')]);
    const tasks = await readTasks(
      { files: 'train.jsonl', imageFolder: '.', system: 'Answer briefly.' },
      folder,
    );
    expect(tasks.length).toBe(2);
    const task = await tasks.at(0);
    expect(task).toMatchObject({ question: 'How many bars?', answers: ['3'] });
    expect(task?.messages.map(({ role }) => role)).toEqual(['system', 'user']);
    expect(task?.messages[1]?.content[0]).toMatchObject({ type: 'image', image: { width: 8 } });
    await expect(tasks.at(1)).rejects.toThrow(/picture of row 1 of .*train\.jsonl/);
    expect(tasks.at(2)).toBeUndefined();
  });

  test('draws the table of a question that comes without a picture', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'iapo-tables-'));
    const question = (tableId: string) =>
      JSON.stringify({ id: 'q', tableId, question: 'How many points?', answers: ['7'] });
    writeFileSync(join(folder, 'questions.jsonl'), `${question('t1')}\n`);
    const source = { files: 'questions.jsonl' };
    await expect(readTasks(source, folder)).rejects.toThrow(/no .*tables\.jsonl: give their file/);
    const table = { id: 't1', columns: ['Team', 'Points'], rows: [['Reds', '7']] };
    writeFileSync(join(folder, 'tables.jsonl'), `${JSON.stringify(table)}\n`);
    const task = await (await readTasks(source, folder)).at(0);
    const { image, metadata } = renderTable(table);
    expect(task?.metadata).toEqual(metadata);
    expect(task?.messages[0]?.content).toEqual([
      { type: 'image', image },
      { type: 'text', text: 'How many points?' },
    ]);
    writeFileSync(join(folder, 'other.jsonl'), `${JSON.stringify(table)}\nnonsense\n`);
    await expect(readTasks({ ...source, tables: 'other.jsonl' }, folder)).rejects.toThrow(
      /Line 1 of .*other\.jsonl is no table/,
    );
    writeFileSync(join(folder, 'questions.jsonl'), `${question('t1')}\n${question('t2')}\n`);
    await expect(readTasks(source, folder)).rejects.toThrow(/Row 1 of .* the table "t2"/);
  });

  test('skips and counts broken rows, or stops at the first', async () => {
    const folder = dataFolder([row('chart.png'), '{"imgname": 3', row('chart.png')]);
    const tasks = await readTasks({ files: 'train.jsonl', onBadRow: 'skip' }, folder);
    expect({ length: tasks.length, skipped: tasks.skippedRows }).toEqual({ length: 2, skipped: 1 });
    await expect(readTasks({ files: 'train.jsonl' }, folder)).rejects.toMatchObject({
      code: 'bad-row',
    });
  });

  test('limits over several files, and refuses none', async () => {
    const folder = dataFolder([row('chart.png'), row('chart.png')]);
    const twice = { files: ['train.jsonl', 'train.jsonl'] };
    expect((await readTasks({ ...twice, limit: 3 }, folder)).length).toBe(3);
    await expect(readTasks({ files: 'none.jsonl' }, folder)).rejects.toMatchObject({
      code: 'bad-argument',
    });
  });
});
