import { join } from 'node:path';
import { readDataset } from '../data/read-dataset.js';
import { type RenderedTable, renderTable } from '../render/render-table.js';
import { randomTableStyle } from '../render/table-style.js';
import type { QuestionOptions } from './chart-questions.js';
import { type RenderedQuestion, seedFor } from './question.js';
import { type EmbeddedDataset, embeddedFolder, loadTables } from './tables.js';

const files: Readonly<Record<EmbeddedDataset, string>> = {
  wikitablequestions: 'questions.jsonl',
  tabfact: 'statements.jsonl',
};

/**
 * The questions of WikiTableQuestions, or the statements of TabFact, over their tables drawn as
 * pictures; each table has one style. The same options give the same questions and pixels.
 */
export async function* tableQuestions(
  dataset: EmbeddedDataset,
  { split = 'train', seed = 0, limit = Number.POSITIVE_INFINITY }: QuestionOptions = {},
): AsyncGenerator<RenderedQuestion> {
  const tables = new Map((await loadTables(dataset)).map((table) => [table.id, table]));
  let given = 0;
  const newest: { id: string | null; rendered: RenderedTable | null } = {
    id: null,
    rendered: null,
  };
  for await (const example of readDataset(join(embeddedFolder(dataset), files[dataset]))) {
    const table = tables.get(example.tableId ?? '');
    if (table === undefined || table.split !== split) continue;
    if (given++ >= limit) return;
    // Questions of a table follow each other, so one picture in memory is enough.
    if (newest.id !== table.id || newest.rendered === null) {
      newest.id = table.id;
      newest.rendered = renderTable(table, randomTableStyle(seedFor(seed, 'table', table.id)));
    }
    const { image, metadata } = newest.rendered;
    yield {
      id: example.id,
      tableId: table.id,
      kind: 'table',
      question: example.question,
      answers: example.answers,
      scorer: dataset,
      split,
      image,
      metadata,
    };
  }
}
