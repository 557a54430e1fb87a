import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import {
  createRaster,
  type DatasetFormat,
  defineTool,
  parseToolCalls,
  pixelAt,
  type RuleScorer,
  readDataset,
  runEpisode,
  type StandardSchema,
  scriptedPolicy,
  type ToolCallDialect,
  visualTools,
} from '../src/index.js';

/*
 * A made-up tool, dialect, data format and scorer, each a plain object given to the public
 * functions: nothing is registered, and nothing else of the package is touched.
 */

const invert = defineTool({
  name: 'invert',
  description: 'Invert the colors.',
  inputSchema: z.object({ strength: z.number().min(0).max(1).default(1) }),
  run: (image, { strength }) => ({
    image: { ...image, data: image.data.map((byte) => byte + (255 - 2 * byte) * strength) },
  }),
});

/** `@name key=value key=value` on a line of its own. */
const atSign: ToolCallDialect = {
  name: 'at-sign',
  maxCalls: 1,
  read(text) {
    const line = /^@(\w{1,40})((?: \w{1,40}=[\d.]{1,20}){0,8})$/m.exec(text);
    const whole = { start: 0, end: text.length };
    if (line === null) {
      return {
        calls: [],
        repairs: [],
        failure: { kind: 'no-call', message: 'no @ line', span: whole },
      };
    }
    const [all, name = '', rest = ''] = line;
    const start = line.index;
    const pairs = rest
      .trim()
      .split(' ')
      .filter(Boolean)
      .map((pair) => pair.split('='));
    return {
      repairs: [],
      failure: null,
      calls: [
        {
          name,
          arguments: Object.fromEntries(pairs.map(([key, value]) => [key, Number(value)])),
          spans: {
            call: { start, end: start + all.length },
            name: { start: start + 1, end: start + 1 + name.length },
            arguments: [],
          },
        },
      ],
    };
  },
};

const quiz: DatasetFormat = {
  name: 'quiz',
  detect: (columns) => columns.has('q'),
  read(row, { row: number }) {
    const { q, a } = z.object({ q: z.string(), a: z.string() }).parse(row);
    return { id: String(number), question: q, answers: [a], images: [] };
  },
};

const firstLetter: RuleScorer = {
  name: 'first-letter',
  description: 'The first letters agree.',
  score: ({ prediction, answers }) =>
    prediction === null
      ? { score: null, reason: 'none' }
      : { score: String(prediction)[0] === String(answers)[0] ? 1 : 0 },
};

it('a made-up tool, dialect, format and scorer work together', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vqa-extend-'));
  try {
    const file = join(folder, 'quiz.jsonl');
    await writeFile(file, '{"q": "Which color?", "a": "white"}\n');
    const [example] = await readDataset(file, { format: quiz }).toArray();
    const image = createRaster(4, 4, { color: [0, 0, 0] });
    const trajectory = await runEpisode(
      scriptedPolicy(['Look:\n@invert strength=1', 'white']),
      { id: example?.id ?? '', messages: [{ role: 'user', content: [{ type: 'image', image }] }] },
      { tools: { ...visualTools, invert }, dialect: atSign },
    );
    expect(trajectory.images[1] && pixelAt(trajectory.images[1], 0, 0)).toEqual([255, 255, 255]);
    expect(
      firstLetter.score({ prediction: trajectory.answer, answers: example?.answers ?? [] }).score,
    ).toBe(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('a tool takes any Standard Schema, with its JSON Schema given where the library makes none', async () => {
  const schema: StandardSchema<{ shade: number }> = {
    '~standard': {
      version: 1,
      vendor: 'hand-made',
      validate: (value) =>
        typeof value === 'object' &&
        value !== null &&
        'shade' in value &&
        typeof value.shade === 'number'
          ? { value: { shade: value.shade } }
          : { issues: [{ message: 'expected a number', path: ['shade'] }] },
    },
  };
  const parameters = {
    type: 'object',
    properties: { shade: { type: 'number' } },
    required: ['shade'],
  };
  const specification = {
    name: 'paint',
    description: 'Paint it.',
    inputSchema: schema,
    run: (_image: unknown, { shade }: { shade: number }) => ({
      image: createRaster(1, 1, { color: [shade, shade, shade] }),
    }),
  };
  const paint = defineTool({ ...specification, parameters });
  const parsed = parseToolCalls(
    '<tool_call>{"name": "paint", "arguments": {"shade": "x"}}</tool_call>',
    { tools: { paint } },
  );
  expect(parsed.failure).toMatchObject({
    kind: 'bad-arguments',
    message: 'shade: expected a number',
  });
  const { image } = await paint.run(createRaster(1, 1), { shade: 7 });
  expect(image && pixelAt(image, 0, 0)).toEqual([7, 7, 7]);
  expect(() => defineTool(specification)).toThrow(/give `parameters`/);
  expect(() => defineTool({ ...specification, parameters, name: 'not a name' })).toThrow(
    /letter or underscore/,
  );
  const slow = {
    '~standard': { ...schema['~standard'], validate: async () => ({ value: { shade: 1 } }) },
  };
  expect(() => defineTool({ ...specification, parameters, inputSchema: slow }).check({})).toThrow(
    /asynchronously/,
  );
});
