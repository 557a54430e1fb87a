import { describe, expect, it } from 'vitest';
import {
  chartQuestions,
  hashPixels,
  loadTables,
  type RenderedQuestion,
  scorers,
  tableQuestions,
  toWritableExample,
} from '../src/index.js';

async function take(source: AsyncIterable<RenderedQuestion>): Promise<RenderedQuestion[]> {
  const questions: RenderedQuestion[] = [];
  for await (const question of source) questions.push(question);
  return questions;
}

describe('table questions', () => {
  it.each(['wikitablequestions', 'tabfact'] as const)(
    '%s: the gold answers score 1 and the boxes name the columns',
    async (dataset) => {
      const questions = await take(tableQuestions(dataset, { limit: 60, seed: 4 }));
      expect(questions).toHaveLength(60);
      for (const { answers, scorer, metadata, image } of questions) {
        const prediction =
          dataset === 'tabfact' ? (answers[0] === '1' ? 'true' : 'false') : answers;
        expect(scorers[scorer].score({ prediction, answers }).score).toBe(1);
        expect(metadata.columns?.length).toBeGreaterThanOrEqual(2);
        expect([metadata.width, metadata.height]).toEqual([image.width, image.height]);
      }
    },
  );
  it('keeps the splits apart', async () => {
    const train = new Set(
      (await take(tableQuestions('tabfact', { limit: 200 }))).map(({ tableId }) => tableId),
    );
    const validation = await take(tableQuestions('tabfact', { split: 'validation', limit: 200 }));
    expect(validation.length).toBeGreaterThan(50);
    expect(validation.filter(({ tableId }) => train.has(tableId))).toEqual([]);
  });
});

describe('chart questions', () => {
  it('have answers that follow from the table, found here by other means', async () => {
    const tables = new Map(
      [...(await loadTables('wikitablequestions')), ...(await loadTables('tabfact'))].map(
        (table) => [table.id, table],
      ),
    );
    const questions = await take(chartQuestions({ limit: 80, seed: 2 }));
    const seen = new Set<string>();
    for (const { id, question, answers, tableId } of questions) {
      const table = tables.get(tableId);
      if (table === undefined || table.labelColumn === null) throw new Error('no table');
      const labels = table.rows.map((row) =>
        (row[table.labelColumn ?? 0] ?? '').normalize('NFC').replace(/\s+/g, ' '),
      );
      const series = table.barColumns.findIndex((column) => {
        const name = (table.columns[column] ?? '').replace(/\s+/g, ' ');
        return question.includes(name) || name.length > 60;
      });
      const values = table.barValues[Math.max(0, series)] ?? [];
      const [answer = ''] = answers;
      const kind = id.slice(
        id.lastIndexOf('-', id.endsWith('count-above') ? id.length - 7 : id.length) + 1,
      );
      seen.add(kind);
      if (kind === 'maximum') expect(values[labels.indexOf(answer)]).toBe(Math.max(...values));
      if (kind === 'value') expect(values.map(String)).toContain(String(Number(answer)));
      if (kind === 'count-above') {
        const threshold = Number(/above ([\d.-]+)\?$/.exec(question)?.[1]);
        expect(values.filter((value) => value > threshold)).toHaveLength(Number(answer));
      }
      if (kind === 'difference') {
        const gaps = values.flatMap((a) => values.map((b) => Math.abs(a - b)));
        expect(Math.min(...gaps.map((gap) => Math.abs(gap - Number(answer))))).toBeLessThan(1e-9);
      }
    }
    expect(seen).toEqual(new Set(['value', 'difference', 'maximum', 'count-above']));
  });
  it('are the same for the same seed, and other for another', async () => {
    const key = async (seed: number) =>
      (await take(chartQuestions({ seed, limit: 12 }))).map(
        ({ id, question, image }) => `${id} ${question} ${hashPixels(image)}`,
      );
    const first = await key(1);
    expect(await key(1)).toEqual(first);
    expect(await key(2)).not.toEqual(first);
  });
  it('can be written to a data set', async () => {
    const [question] = await take(chartQuestions({ limit: 1 }));
    if (question === undefined) throw new Error('no question');
    const example = toWritableExample(question);
    expect(example).toMatchObject({
      question: question.question,
      answers: question.answers,
      metadata: question.metadata,
    });
    expect(example.images[0]?.bytes?.length).toBeGreaterThan(1000);
  });
});
