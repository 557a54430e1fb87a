import { z } from 'zod';
import type { DatasetFormat } from '../example.js';
import { parseRow } from '../row-error.js';

const schema = z.object({
  id: z.string(),
  tableId: z.string(),
  statement: z.string(),
  label: z.union([z.literal(0), z.literal(1)]),
  split: z.string().nullish(),
});

/** TabFact statements (the JSONL of this package's `data`): answer "1" entailed, "0" refuted. */
export const tabfactStatements: DatasetFormat = {
  name: 'tabfact',
  detect: (columns) => ['tableId', 'statement', 'label'].every((c) => columns.has(c)),
  read(row) {
    const { id, tableId, statement, label, split } = parseRow(schema, row);
    return {
      id,
      tableId,
      question: statement,
      answers: [String(label)],
      images: [],
      ...(split != null && { split }),
    };
  },
  write: ({ id, tableId, question, answers, split }) => ({
    id,
    tableId: tableId ?? '',
    split: split ?? 'train',
    statement: question,
    label: Number(answers[0]),
  }),
};
