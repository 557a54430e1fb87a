import { z } from 'zod';
import type { DatasetFormat } from '../example.js';
import { parseRow } from '../row-error.js';

const schema = z.object({
  qa_id: z.string(),
  question: z.string(),
  gt: z.union([z.string(), z.number().int().transform(String)]),
  image: z.unknown(),
});

/**
 * TableVQA-Bench (`terryoo/TableVQA-Bench`). `gt` is one text, with "|" between the values of a
 * list, as the benchmark's scorer takes it; an integer 0 or 1 in VTabFact.
 */
export const tablevqabench: DatasetFormat = {
  name: 'tablevqabench',
  detect: (columns) => ['qa_id', 'question', 'gt'].every((c) => columns.has(c)),
  read(row, { image }) {
    const { qa_id, question, gt, image: picture } = parseRow(schema, row);
    const decoded = image(picture);
    return { id: qa_id, question, answers: [gt], images: decoded === null ? [] : [decoded] };
  },
  columns: [
    { name: 'qa_id', type: 'string' },
    {
      name: 'image',
      type: 'struct',
      fields: [
        { name: 'bytes', type: 'binary' },
        { name: 'path', type: 'string' },
      ],
    },
    { name: 'question', type: 'string' },
    { name: 'gt', type: 'string' },
    { name: 'text_html_table', type: 'string' },
    { name: 'text_markdown_table', type: 'string' },
  ],
  write: ({ id, question, answers, images }) => ({
    qa_id: id,
    image: images[0] ?? null,
    question,
    gt: answers.join('|'),
    text_html_table: null,
    text_markdown_table: null,
  }),
};
