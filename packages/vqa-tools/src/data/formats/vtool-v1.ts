import { z } from 'zod';
import type { DatasetFormat } from '../example.js';
import { readMetadata, writeMetadata } from '../read-metadata.js';
import { parseRow } from '../row-error.js';

const schema = z.object({
  figure_id: z.string(),
  query: z.string(),
  answer: z.string(),
  metadata: z.union([z.string(), z.looseObject({})]),
  images: z.array(z.unknown()),
});

/** VTool-R1 version 1: `images` are raw bytes, list answers are joined by "|||". */
export const vtoolV1: DatasetFormat = {
  name: 'vtool-v1',
  detect: (columns) =>
    ['metadata', 'figure_id', 'query', 'answer', 'images'].every((c) => columns.has(c)),
  read(row, { image }) {
    const { figure_id, query, answer, metadata, images } = parseRow(schema, row);
    return {
      id: figure_id,
      question: query,
      answers: answer.split('|||'),
      images: images.map(image).filter((value) => value !== null),
      metadata: () => readMetadata(metadata),
    };
  },
  columns: [
    ...['metadata', 'figure_id', 'figure_path', 'query', 'prompt', 'answer'].map(
      (name) => ({ name, type: 'string' }) as const,
    ),
    { name: 'images', type: 'list', element: { type: 'binary' } },
  ],
  write: ({ id, question, answers, images, metadata }) => ({
    metadata: JSON.stringify(metadata ? writeMetadata(metadata, 1) : { type: '' }),
    figure_id: id,
    figure_path: images[0]?.path ?? '',
    query: question,
    prompt: `<image>${question}`,
    answer: answers.join('|||'),
    images: images.map(({ bytes }) => bytes),
  }),
};
