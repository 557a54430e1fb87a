import { describe, expect, it } from 'vitest';
import { padPositions } from '../../src/encode/positions.js';
import type { PreparedPrompt } from '../../src/types/prompt.js';
import { familyFolder, loadProcessor, readArrays, readReferences, withImages } from './support.js';

function planes(prompt: PreparedPrompt): number[][] {
  return prompt.positionIds.map((plane) => [...plane]);
}

function worstDifference(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (const [index, value] of expected.entries())
    worst = Math.max(worst, Math.abs((actual[index] ?? Number.NaN) - value));
  return worst;
}

function indices(list: readonly unknown[]): number[] {
  return list.map((_, index) => index);
}

function pixelsOf(prompt: PreparedPrompt): Float32Array {
  const values = prompt.images.flatMap(({ feeds }) => [...floats(feeds)]);
  return Float32Array.from(values);
}

function floats(feeds: PreparedPrompt['images'][number]['feeds']): Float32Array {
  const data = feeds['pixel_values']?.data;
  if (data instanceof Float32Array) return data;
  throw new Error('the vision encoder is fed no pixel_values');
}

/** The parts that every prompt must have, whatever the references hold. */
function expectWhole(prompt: PreparedPrompt): void {
  const { text, characters, inputIds, blocks, images } = prompt;
  expect(characters.length).toBe(inputIds.length + 1);
  const pieces = [...inputIds].map((_, index) =>
    text.slice(characters[index], characters[index + 1]),
  );
  expect(pieces.join('')).toBe(text);
  expect(blocks.length).toBe(inputIds.length);
  const placeholders = blocks.flatMap((block, index) => (block === 'I' ? [index] : []));
  expect(images.flatMap(({ tokens }) => [...tokens])).toEqual(placeholders);
}

describe('Qwen2.5-VL', async () => {
  const family = 'qwen2_5_vl';
  const references = readReferences(family);
  const arrays = readArrays(family);
  const processor = await loadProcessor(family);
  const image = (name: string): string => `${familyFolder(family)}${references.images[name].file}`;
  const prepare = (name: string): Promise<PreparedPrompt> => {
    const { messages, tools, images } = references.prompts[name];
    return processor.prepare(withImages(messages, images.map(image)), { tools: tools ?? [] });
  };

  it.each(Object.keys(references.prompts))('encodes %s as the reference', async (name) => {
    const expected = references.prompts[name];
    const prompt = await prepare(name);
    expect(prompt.renderedText).toBe(expected.rendered);
    expect([...prompt.inputIds]).toEqual(expected.input_ids);
    expect(prompt.blocks.join('')).toBe(expected.blocks);
    expect(planes(prompt)).toEqual(expected.position_ids);
    expect(prompt.nextPosition).toBe(expected.input_ids.length + expected.rope_delta);
    expect([...prompt.characters.slice(0, 22)]).toEqual(
      expected.expanded_offsets.slice(0, 22).map(([start]: [number, number]) => start),
    );
    expectWhole(prompt);
    for (const [index, picture] of expected.images.entries()) {
      const values = floats(prompt.images[index]?.feeds ?? {});
      // Pillow's resampling is computed to the byte, so resized pictures are equal as well.
      expect(worstDifference(values, arrays(`images/${picture}/pixel_values`))).toBeLessThan(1e-6);
    }
  });

  it.each(indices(references.renderings))(
    'renders conversation %i as the reference',
    async (index) => {
      const { messages, tools, add_generation_prompt, rendered } = references.renderings[index];
      const prompt = await processor.prepare(withImages(messages, [image('chart')]), {
        tools: tools ?? [],
        addGenerationPrompt: add_generation_prompt,
      });
      expect(prompt.renderedText).toBe(rendered);
      expectWhole(prompt);
    },
  );

  it.each(Object.keys(references.position_batches))('pads positions as %s', async (name) => {
    const { rows, padding, attention_mask, position_ids } = references.position_batches[name];
    const prompts: PreparedPrompt[] = [];
    for (const row of rows)
      prompts.push(
        references.prompts[row] === undefined ? await shortPrompt(name) : await prepare(row),
      );
    const length = attention_mask[0].length;
    const padded = padPositions(
      prompts.map((prompt) => prompt.positionIds),
      { length, side: padding },
    );
    expect(padded.dims).toEqual([3, rows.length, length]);
    for (const [plane, expectedRows] of position_ids.entries())
      for (const [row, expected] of expectedRows.entries())
        for (const [index, value] of expected.entries())
          if (attention_mask[row][index] === 1)
            expect(Number(padded.data[(plane * rows.length + row) * length + index])).toBe(value);
  });

  /** A row whose text the references do not hold: its length is in the mask. */
  async function shortPrompt(name: string): Promise<PreparedPrompt> {
    const mask: number[] = references.position_batches[name].attention_mask[1];
    const length = mask.reduce((sum, value) => sum + value, 0);
    const positions = Int32Array.from({ length }, (_, index) => index);
    return { ...(await prepare('text_only')), positionIds: [positions, positions, positions] };
  }
});

describe.each(['qwen2_vl', 'qwen3_vl', 'smolvlm', 'gemma3'])('%s', async (family) => {
  const references = readReferences(family);
  const arrays = readArrays(family);
  const processor = await loadProcessor(family);

  it.each(Object.keys(references.cases))('encodes %s as the reference', async (name) => {
    const expected = references.cases[name];
    const paths = expected.images.map((file: string) => familyFolder(family) + file);
    const prompt = await processor.prepare(withImages(expected.messages, paths));
    expect(prompt.renderedText).toBe(expected.prompt_text);
    expect([...prompt.inputIds]).toEqual(expected.input_ids);
    if (expected.expanded_text !== undefined) expect(prompt.text).toBe(expected.expanded_text);
    const positions =
      expected.position_ids.length === 3
        ? expected.position_ids.map(([row]: number[][]) => row)
        : expected.position_ids;
    expect(planes(prompt)).toEqual(positions);
    if (expected.next_position !== undefined)
      expect(prompt.nextPosition).toBe(expected.next_position);
    expectWhole(prompt);
    if (paths.length === 0) return;
    expect(worstDifference(pixelsOf(prompt), arrays(`${name}.pixel_values`))).toBeLessThan(1e-6);
  });

  it.each(indices(references.chat_cases))(
    'renders chat case %i as the reference',
    async (index) => {
      const { messages, tools, text, add_generation_prompt } = references.chat_cases[index];
      const prompt = await processor.prepare(
        withImages(messages, [`${familyFolder(family)}image_0.png`]),
        {
          tools: tools ?? [],
          addGenerationPrompt: add_generation_prompt ?? true,
        },
      );
      expect(prompt.renderedText).toBe(text);
      expectWhole(prompt);
    },
  );

  it.each(indices(references.tokenizer_cases))('tokenizes case %i as the reference', (index) => {
    const { text, ids, decoded } = references.tokenizer_cases[index];
    const { ids: actual } = processor.tokenizer.encode(text, () => true);
    expect(actual).toEqual(ids);
    expect(processor.decode(ids)).toBe(decoded);
  });
});
