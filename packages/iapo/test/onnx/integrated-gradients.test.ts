import { attribute, vocabularyMeanWith } from '@iapo/attribution';
import type { Message, OnnxVlm, ToolDefinition } from '@iapo/vlm-adapters';
import { afterAll, describe, expect, test } from 'vitest';
import { attributionInput } from '../../src/model/attribution-input.js';
import {
  familyFolder,
  loadFixture,
  pick,
  readArrays,
  readReferences,
  withFeatures,
  withImages,
} from './fixture-models.js';

const loaded: OnnxVlm[] = [];
async function load(family: string): Promise<OnnxVlm> {
  const model = await loadFixture(family);
  loaded.push(model);
  return model;
}
afterAll(async () => {
  for (const model of loaded) await model.dispose();
});

/** Every value within `tolerance`; names the worst. */
function expectNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  expect(actual.length).toBe(expected.length);
  const distances = Array.from(actual, (value, index) => Math.abs(value - expected[index]!));
  const worst = Math.max(...distances);
  expect(worst, `token ${distances.indexOf(worst)} is off by ${worst}`).toBeLessThanOrEqual(
    tolerance,
  );
}

/** Text rows start at the plain mean of the table, image rows at the mean of the prompt's image rows. */
const baseline = { text: vocabularyMeanWith({ matchNorm: false }), image: 'imageMean' } as const;

describe('Qwen2.5-VL: integrated gradients equal PyTorch on the same weights', () => {
  const family = 'qwen2_5_vl';
  const references = readReferences(family);
  const arrays = readArrays(family);
  const rules = {
    gauss_legendre_16: { quadrature: 'gaussLegendre', steps: 16 },
    midpoint_32: { quadrature: 'midpoint', steps: 32 },
  } as const;

  // Per token 3e-4 and per sum of a few hundred tokens ten times that, as the family's README says.
  test.each(
    (['tools_image', 'two_images'] as const).flatMap((name) =>
      (['gauss_legendre_16', 'midpoint_32'] as const).map((rule) => [name, rule] as const),
    ),
  )('%s, %s: tokens, blocks, delta', async (name, rule) => {
    const model = await load(family);
    const expected = pick<object>(references, 'integrated_gradients', name);
    const prompt = pick<{ messages: Message[]; tools: ToolDefinition[] | null; images: string[] }>(
      references,
      'prompts',
      name,
    );
    const paths = prompt.images.map(
      (image) => familyFolder(family) + pick<string>(references, 'images', image, 'file'),
    );
    const encoded = await model.encode(withImages(prompt.messages, paths), {
      tools: prompt.tools ?? [],
    });
    // Where pixels are resampled, libraries differ: the numbers are of the references' features.
    const features = prompt.images.map((image) => arrays(`images/${image}/image_features`));
    const joined = Float32Array.from(features.flatMap((rows) => [...rows]));
    const completion = pick<number[]>(references, 'completions', 'zoom', 'ids');
    const input = attributionInput(model, withFeatures(encoded, joined), completion);
    const result = await attribute(model, input, {
      ...rules[rule],
      baseline,
      maximumSteps: rules[rule].steps,
    });
    expectNear(result.tokens.scores, arrays(`integrated_gradients/${name}/${rule}`), 3e-4);
    const blocks = pick<Record<string, number>>(expected, 'rules', rule, 'block_sums');
    for (const block of result.blocks) {
      expect(Math.abs((block.score ?? Number.NaN) - (blocks[block.name] ?? 0))).toBeLessThan(3e-3);
    }
    const { completeness } = result;
    expect(completeness?.targetAtInput).toBeCloseTo(pick<number>(expected, 'f_input'), 2);
    expect(completeness?.targetAtBaseline).toBeCloseTo(pick<number>(expected, 'f_baseline'), 2);
    const delta = pick<number>(expected, 'rules', rule, 'completeness_delta');
    expect(Math.abs((completeness?.delta ?? Number.NaN) - delta)).toBeLessThan(5e-3);
  });
});

describe.each(['qwen2_vl', 'qwen3_vl', 'smolvlm', 'gemma3'])(
  '%s: integrated gradients equal PyTorch on the same weights',
  (family) => {
    const references = readReferences(family);
    const arrays = readArrays(family);
    const prefix = family === 'qwen3_vl' ? 'no_deepstack' : 'one_image';

    test('16 Gauss-Legendre nodes, one picture: tokens and their sum', async () => {
      const model = await load(family);
      const {
        messages,
        images,
        completion_ids: completion,
      } = pick<{
        messages: Message[];
        images: string[];
        completion_ids: number[];
      }>(references, 'cases', 'one_image');
      const paths = images.map((image) => familyFolder(family) + image);
      const encoded = await model.encode(withImages(messages, paths));
      const prompt = withFeatures(encoded, arrays('one_image.image_features'));
      const result = await attribute(model, attributionInput(model, prompt, completion), {
        quadrature: 'gaussLegendre',
        steps: 16,
        maximumSteps: 16,
        baseline,
      });
      const expected = arrays(`${prefix}.ig.attributions`);
      const largest = Math.max(...expected.map(Math.abs));
      // 2e-4 of the largest, as the family's README says.
      expectNear(result.tokens.scores, expected, 2e-4 * largest);
    });
  },
);
