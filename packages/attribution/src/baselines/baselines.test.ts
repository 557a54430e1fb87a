import { describe, expect, test } from 'vitest';
import { expectClose } from '../../test/close.js';
import type { AttributionInput } from '../input.js';
import type { AttributionModel, FloatArray } from '../model.js';
import { customBaseline } from './custom.js';
import { type BaselineChoice, buildBaseline, chooseBaselines } from './resolve-baseline.js';
import { tokenWith } from './token.js';
import { vocabularyMeanWith } from './vocabulary-mean.js';

// Rows 0, 1 and 2 of a vocabulary, and a prompt of two text and two image rows.
const table = [
  [0, 0],
  [3, 4],
  [0, 2],
];
const rows = [
  [1, 1],
  [2, 0],
  [4, 6],
  [6, 8],
];
const model: AttributionModel = {
  padTokenId: 2,
  imageVariants: ['grey'],
  embed: (_prompt, options) => ({
    embeddings: Float64Array.from(
      options?.image === 'grey' ? rows.flat().map(() => 9) : rows.flat(),
    ),
    tokens: 4,
    hiddenSize: 2,
  }),
  embedTokens: (ids) => Float64Array.from(ids.flatMap((id) => table[id] ?? [])),
  // mean of the rows: (1, 2); its norm is √5, the median norm 2.
  embeddingStatistics: () => ({ mean: Float64Array.of(1, 2), medianNorm: 2 }),
};
const input: AttributionInput = { prompt: null, completion: [1], blocks: ['P', 'R', 'I', 'I'] };

async function build(
  choice: BaselineChoice | undefined,
  changes: Partial<AttributionModel> = {},
): Promise<FloatArray> {
  const source = { embeddings: Float64Array.from(rows.flat()), tokens: 4, hiddenSize: 2 };
  return buildBaseline(chooseBaselines(choice), { ...model, ...changes }, input, source, undefined);
}

describe('baselines', () => {
  const matched = [1, 2].map((value) => (value * 2) / Math.sqrt(5));
  test.each<[string, BaselineChoice | undefined, number[]]>([
    [
      'default: norm-matched vocabulary mean for text, mean image row',
      undefined,
      [...matched, ...matched, 5, 7, 5, 7],
    ],
    ['zero', 'zero', [0, 0, 0, 0, 0, 0, 0, 0]],
    ['token: id 0 by default', 'token', [0, 0, 0, 0, 0, 0, 0, 0]],
    ['token 1', tokenWith({ id: 1 }), [3, 4, 3, 4, 3, 4, 3, 4]],
    ['pad', 'pad', [0, 2, 0, 2, 0, 2, 0, 2]],
    [
      'vocabulary mean as it is',
      vocabularyMeanWith({ matchNorm: false }),
      [1, 2, 1, 2, 1, 2, 1, 2],
    ],
    ['block mean', 'blockMean', [1, 1, 2, 0, 5, 7, 5, 7]],
    ['grey image beside zero text', { text: 'zero', image: 'greyImage' }, [0, 0, 0, 0, 9, 9, 9, 9]],
    ['one custom row', customBaseline([7, 8]), [7, 8, 7, 8, 7, 8, 7, 8]],
    ['custom rows', customBaseline([1, 2, 3, 4, 5, 6, 7, 8]), [1, 2, 3, 4, 5, 6, 7, 8]],
  ])('%s', async (_name, choice, expected) => {
    expectClose(await build(choice), expected, 'baseline', 1e-15);
  });

  test.each<[string, BaselineChoice, Partial<AttributionModel>, RegExp]>([
    [
      'a mean without direction',
      'vocabularyMean',
      { embeddingStatistics: () => ({ mean: Float64Array.of(0, 0), medianNorm: 1 }) },
      /cannot be scaled/,
    ],
    [
      'a mean of the wrong size',
      'vocabularyMean',
      { embeddingStatistics: () => ({ mean: Float64Array.of(1), medianNorm: 1 }) },
      /expected \[H\] = \[2\]/,
    ],
    [
      'rows of the wrong size',
      customBaseline([1, 2, 3]),
      {},
      /expected \[H\] = 2 or \[P, H\] = 8 numbers, got 3/,
    ],
    ['rows that are not finite', customBaseline([1, Number.NaN]), {}, /is NaN at index 1/],
    ['an image variant that the model lacks', 'blurredImage', {}, /lists "blurred"/],
  ])('%s is refused', async (_name, choice, changes, message) => {
    await expect(build(choice, changes)).rejects.toThrow(message);
  });
  test('pad and token need the model to have them', async () => {
    const { padTokenId: _, ...unpadded } = model;
    const source = { embeddings: Float64Array.from(rows.flat()), tokens: 4, hiddenSize: 2 };
    await expect(
      buildBaseline(chooseBaselines('pad'), unpadded, input, source, undefined),
    ).rejects.toThrow(/padTokenId/);
    const { embedTokens: __, ...tableless } = model;
    await expect(
      buildBaseline(chooseBaselines('token'), tableless, input, source, undefined),
    ).rejects.toThrow(/embedTokens/);
  });
});
