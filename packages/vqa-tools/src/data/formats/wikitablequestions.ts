import { z } from 'zod';
import type { DatasetFormat } from '../example.js';
import { parseRow } from '../row-error.js';

const schema = z.object({
  id: z.string(),
  tableId: z.string(),
  question: z.string(),
  answers: z.array(z.string()),
  split: z.string().nullish(),
});

/** WikiTableQuestions (the JSONL of this package's `data`): the answers are a set. */
export const wikitablequestionsJsonl: DatasetFormat = {
  name: 'wikitablequestions',
  detect: (columns) => ['tableId', 'question', 'answers'].every((c) => columns.has(c)),
  read(row) {
    const { id, tableId, question, answers, split } = parseRow(schema, row);
    return { id, tableId, question, answers, images: [], ...(split != null && { split }) };
  },
  write: ({ id, tableId, question, answers, split }) => ({
    id,
    tableId: tableId ?? '',
    split: split ?? 'train',
    question,
    answers,
  }),
};
