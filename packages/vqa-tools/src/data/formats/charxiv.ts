import { z } from 'zod';
import type { DatasetFormat } from '../example.js';
import { parseRow } from '../row-error.js';

const hubSchema = z.object({
  reasoning_q: z.string(),
  reasoning_a: z.string().nullish(),
  image: z.unknown(),
  original_id: z.union([z.string(), z.number()]).nullish(),
});

/** CharXiv on the hub (`princeton-nlp/CharXiv`): the reasoning question of each figure. */
export const charxivHub: DatasetFormat = {
  name: 'charxiv-hub',
  detect: (columns) => ['reasoning_q', 'reasoning_a', 'image'].every((c) => columns.has(c)),
  read(row, { image, row: number }) {
    const { reasoning_q, reasoning_a, image: picture, original_id } = parseRow(hubSchema, row);
    const decoded = image(picture);
    return {
      id: String(original_id ?? number),
      question: reasoning_q,
      // Answers of the test split are not published.
      answers: reasoning_a == null ? [] : [reasoning_a],
      images: decoded === null ? [] : [decoded],
    };
  },
};

const githubSchema = z.object({
  figure_id: z.union([z.string(), z.number()]),
  query: z.string(),
  answer: z.string().nullish(),
  inst_category: z.number().int().min(1).max(4),
});

/** CharXiv's own `reasoning_{val,test}.json`; pictures are `images/{figure_id}.jpg`. */
export const charxivGithub: DatasetFormat = {
  name: 'charxiv-github',
  detect: (columns) => ['figure_id', 'query', 'inst_category'].every((c) => columns.has(c)),
  read(row, { image }) {
    const { figure_id, query, answer } = parseRow(githubSchema, row);
    const picture = image(`images/${figure_id}.jpg`);
    return {
      id: String(figure_id),
      question: query,
      answers: answer == null ? [] : [answer],
      images: picture === null ? [] : [picture],
    };
  },
};
