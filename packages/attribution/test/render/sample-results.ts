import { attribute } from '../../src/attribute.js';
import type { AttributionInput } from '../../src/input.js';
import type { AttributionResult } from '../../src/result.js';
import { smoothModel } from '../models/smooth-model.js';

/** 2 × 2 PNG: red, green, blue, white. */
export const tinyPicture =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR42mP4z8DAAMIM/4EAAB/uBfvxq7p3AAAAAElFTkSuQmCC';

const texts = [
  'You answer ',
  'questions.\n',
  '{"name": "zoom_in"}',
  '{"name": "focus"}',
  ...Array<string>(12).fill(''),
  'What is ',
  'the <b>highest</b> ',
  'bar?\u202e\u001b[31m',
  '</script><script>alert(1)</script>',
];

export const sampleInput: AttributionInput<number[][]> = {
  prompt: texts.map((_, token) => [Math.sin(token + 1), Math.cos(2 * token)]),
  completion: [3, 5, 9],
  blocks: texts.map((_, token) => (token < 2 ? 'P' : token < 4 ? 'T' : token < 16 ? 'I' : 'R')),
  tokens: texts,
  completionTokens: ['{"name": "', 'zoom_in', '"}'],
  images: [{ firstToken: 4, rows: 3, columns: 4, dataUrl: tinyPicture }],
};

/** A smooth function with interactions between neighbors; `strength` tells models apart. */
function sampleModel(strength: number): ReturnType<typeof smoothModel> {
  const value = (x: readonly number[]): number =>
    x.reduce(
      (sum, entry, at) =>
        sum + Math.sin(strength * (at + 1)) * entry + 0.1 * strength * entry * (x[at + 1] ?? 0),
      0,
    );
  const gradient = (x: readonly number[]): number[] =>
    x.map(
      (_, at) =>
        Math.sin(strength * (at + 1)) + 0.1 * strength * ((x[at + 1] ?? 0) + (x[at - 1] ?? 0)),
    );
  return { ...smoothModel(value, gradient), id: `sample ${strength}` };
}

export async function explainSample(strength: number): Promise<AttributionResult> {
  return attribute(sampleModel(strength), sampleInput, {
    baseline: 'zero',
    perTarget: true,
    clock: () => 0,
  });
}

/** A prompt of many tokens, for the size limit. */
export async function explainLong(tokens: number): Promise<AttributionResult> {
  const words = ['chart', ' of', ' sales', ' "2024"', ' &', ' <tag>', '\n', ' Antarktis'];
  return attribute(
    smoothModel(
      (x) => x.reduce((sum, entry, at) => sum + Math.sin(at) * entry, 0),
      (x) => x.map((_, at) => Math.sin(at)),
    ),
    {
      prompt: Array.from({ length: tokens }, (_, token) => [Math.cos(token)]),
      completion: [1],
      blocks: Array.from(
        { length: tokens },
        (_, token) => ['P', 'R', 'I', 'T'][Math.floor((4 * token) / tokens)] ?? 'P',
      ),
      tokens: Array.from({ length: tokens }, (_, token) => words[token % words.length] ?? ''),
    },
    { baseline: 'zero', method: 'inputXGradient', clock: () => 0 },
  );
}
