import { z } from 'zod';
import type { DatasetFormat } from '../example.js';
import { readMetadata, writeMetadata } from '../read-metadata.js';
import { parseRow } from '../row-error.js';

const schema = z.object({
  data_source: z.string(),
  images: z.array(z.unknown()),
  reward_model: z.looseObject({ ground_truth: z.string() }),
  extra_info: z.looseObject({
    question: z.string(),
    index: z.union([z.number(), z.string()]).nullish(),
    split: z.string().nullish(),
    tools_kwargs: z
      .looseObject({ metadata: z.union([z.string(), z.looseObject({})]).nullish() })
      .nullish(),
  }),
});

/** VTool-R1 version 2 (`VTOOL/Refocus_Chart`, `Refocus_Table`), verl's columns. */
export const vtoolV2: DatasetFormat = {
  name: 'vtool-v2',
  detect: (columns) => ['reward_model', 'extra_info', 'images'].every((c) => columns.has(c)),
  read(row, { image, row: number }) {
    const { data_source, images, reward_model, extra_info } = parseRow(schema, row);
    const metadata = extra_info.tools_kwargs?.metadata;
    return {
      id: `${data_source}-${extra_info.index ?? number}`,
      question: extra_info.question,
      answers: reward_model.ground_truth.split('|||'),
      images: images.map(image).filter((value) => value !== null),
      ...(metadata != null && { metadata: () => readMetadata(metadata) }),
      ...(extra_info.split != null && { split: extra_info.split }),
    };
  },
  columns: [
    { name: 'data_source', type: 'string' },
    { name: 'agent_name', type: 'string' },
    {
      name: 'prompt',
      type: 'list',
      element: {
        type: 'struct',
        fields: [
          { name: 'role', type: 'string' },
          { name: 'content', type: 'string' },
        ],
      },
    },
    {
      name: 'images',
      type: 'list',
      element: {
        type: 'struct',
        fields: [
          { name: 'bytes', type: 'binary' },
          { name: 'path', type: 'string' },
        ],
      },
    },
    { name: 'ability', type: 'string' },
    {
      name: 'reward_model',
      type: 'struct',
      fields: [
        { name: 'style', type: 'string' },
        { name: 'ground_truth', type: 'string' },
      ],
    },
    {
      name: 'extra_info',
      type: 'struct',
      fields: [
        { name: 'index', type: 'int64' },
        { name: 'split', type: 'string' },
        { name: 'question', type: 'string' },
        { name: 'answer', type: 'string' },
        {
          name: 'tools_kwargs',
          type: 'struct',
          fields: [{ name: 'metadata', type: 'string' }],
        },
      ],
    },
  ],
  write({ id, question, answers, images, metadata, split }) {
    const answer = answers.join('|||');
    // The index of "refocus_chart-12" goes into its own column again.
    const [, source = id, index = '0'] = /^(.*)-(\d+)$/.exec(id) ?? [];
    return {
      data_source: source,
      agent_name: 'vtool_agent',
      prompt: [{ role: 'user', content: `<image>${question}` }],
      images: images.map(({ bytes, path }) => ({ bytes, path })),
      ability: 'chart',
      reward_model: { style: 'rule', ground_truth: answer },
      extra_info: {
        index: Number(index),
        split: split ?? null,
        question,
        answer,
        tools_kwargs: { metadata: metadata ? JSON.stringify(writeMetadata(metadata, 2)) : null },
      },
    };
  },
};
