import { z } from 'zod';
import type { DatasetFormat } from '../example.js';
import { pairedBoxes, readMetadata, writeMetadata } from '../read-metadata.js';
import { parseRow } from '../row-error.js';

const answerSchema = z.union([
  z.string(),
  z.number().transform(String),
  z.array(z.coerce.string()),
]);

const trainSchema = z.looseObject({
  id: z.union([z.string(), z.number()]),
  query: z.string(),
  answer: answerSchema,
  source: z.string(),
  conversations: z.array(z.looseObject({ images: z.array(z.string()).nullish() })).nullish(),
});

/** ReFocus's training text (`chartqa_vcot/*.jsonl`); the picture is named by the first turn. */
export const refocusTrain: DatasetFormat = {
  name: 'refocus-train',
  detect: (columns) => ['query', 'answer', 'source', 'x_values_bbox'].every((c) => columns.has(c)),
  read(row, { image }) {
    const { id, query, answer, source, conversations } = parseRow(trainSchema, row);
    const path = conversations?.[0]?.images?.[0];
    const picture = path === undefined ? null : image(path);
    return {
      id: String(id),
      question: query,
      answers: typeof answer === 'string' ? [answer] : answer,
      images: picture === null ? [] : [picture],
      metadata: readMetadata({ ...row, type: source }),
    };
  },
  write: ({ id, question, answers, images, metadata }) => ({
    id,
    conversations: [{ images: images.map(({ path }) => path ?? ''), response: '' }],
    focus_areas: null,
    query: question,
    answer: answers.length === 1 ? answers[0] : answers,
    x_values_bbox: null,
    y_values_bbox: null,
    ...(metadata ? writeMetadata(metadata, 2) : { source: '' }),
  }),
};

const testSchema = z.looseObject({
  query: z.string(),
  answer: answerSchema,
  figure_path: z.string(),
  figure_id: z.union([z.string(), z.number()]).nullish(),
  type: z.string().nullish(),
});

/** ReFocus's test files (`*_wbb.json`, `charxiv-subfigures.json`): boxes are fractions. */
export const refocusTest: DatasetFormat = {
  name: 'refocus-test',
  detect: (columns) => ['query', 'answer', 'figure_path'].every((c) => columns.has(c)),
  read(row, { image, row: number }) {
    const { query, answer, figure_path, figure_id, type } = parseRow(testSchema, row);
    const xValues = pairedBoxes(row.x_values, row.x_bboxes);
    const yValues = pairedBoxes(row.y_values, row.y_bboxes);
    const columns = pairedBoxes(row.column_headers, row.columns_bbox);
    const rows = pairedBoxes(row.row_starters, row.rows_bbox);
    const picture = image(figure_path);
    const hasBoxes = [xValues, yValues, columns, rows].some((list) => list !== undefined);
    return {
      id: String(figure_id ?? number),
      question: query,
      answers: typeof answer === 'string' ? [answer] : answer,
      images: picture === null ? [] : [picture],
      ...(hasBoxes && {
        metadata: {
          kind: type ?? (columns ? 'table' : ''),
          units: 'fractions' as const,
          ...(xValues && { xValues }),
          ...(yValues && { yValues }),
          ...(columns && { columns }),
          ...(rows && { rows }),
        },
      }),
    };
  },
};
