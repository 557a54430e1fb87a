import { z } from 'zod';
import type { DatasetFormat } from '../example.js';
import { parseRow } from '../row-error.js';

const imageStruct = {
  type: 'struct',
  fields: [
    { name: 'bytes', type: 'binary' },
    { name: 'path', type: 'string' },
  ],
} as const;

const hubSchema = z.object({
  query: z.string(),
  label: z.union([z.array(z.string()), z.string()]),
  image: z.unknown(),
  human_or_machine: z.union([z.number(), z.string()]).nullish(),
});

/** ChartQA as `HuggingFaceM4/ChartQA` (GPL-3.0 data: read it, do not ship it). */
export const chartqaHub: DatasetFormat = {
  name: 'chartqa-hub',
  detect: (columns) => ['image', 'query', 'label'].every((c) => columns.has(c)),
  read(row, { image, row: number }) {
    const { query, label, image: picture } = parseRow(hubSchema, row);
    const decoded = image(picture);
    return {
      id: String(number),
      question: query,
      answers: typeof label === 'string' ? [label] : label,
      images: decoded === null ? [] : [decoded],
    };
  },
  columns: [
    { name: 'image', ...imageStruct },
    { name: 'query', type: 'string' },
    { name: 'label', type: 'list', element: { type: 'string' } },
    { name: 'human_or_machine', type: 'int64' },
  ],
  write: ({ question, answers, images }) => ({
    image: images[0] ?? null,
    query: question,
    label: answers,
    human_or_machine: 0,
  }),
};

const lmmsSchema = z.object({
  type: z.string(),
  question: z.string(),
  answer: z.string(),
  image: z.unknown(),
});

/** ChartQA as `lmms-lab/ChartQA`. */
export const chartqaLmms: DatasetFormat = {
  name: 'chartqa-lmms',
  detect: (columns) => ['type', 'question', 'answer', 'image'].every((c) => columns.has(c)),
  read(row, { image, row: number }) {
    const { question, answer, image: picture } = parseRow(lmmsSchema, row);
    const decoded = image(picture);
    return {
      id: String(number),
      question,
      answers: [answer],
      images: decoded === null ? [] : [decoded],
    };
  },
  columns: [
    { name: 'type', type: 'string' },
    { name: 'question', type: 'string' },
    { name: 'answer', type: 'string' },
    { name: 'image', ...imageStruct },
  ],
  write: ({ question, answers, images }) => ({
    type: 'human_test',
    question,
    answer: answers[0] ?? '',
    image: images[0] ?? null,
  }),
};

const githubSchema = z.object({ imgname: z.string(), query: z.string(), label: z.string() });

/** ChartQA's own files, `{split}_{human|augmented}.json`. */
export const chartqaGithub: DatasetFormat = {
  name: 'chartqa-github',
  detect: (columns) => ['imgname', 'query', 'label'].every((c) => columns.has(c)),
  read(row, { image, row: number }) {
    const { imgname, query, label } = parseRow(githubSchema, row);
    const picture = image(`png/${imgname}`);
    return {
      id: `${imgname}-${number}`,
      question: query,
      answers: [label],
      images: picture === null ? [] : [picture],
    };
  },
  write: ({ id, question, answers, images }) => ({
    imgname: (images[0]?.path ?? `${id}.png`).replace(/^png\//, ''),
    query: question,
    label: answers[0] ?? '',
  }),
};
