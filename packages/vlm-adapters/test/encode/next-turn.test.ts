import { describe, expect, it } from 'vitest';
import { VlmError } from '../../src/errors.js';
import type { Message } from '../../src/types/message.js';
import type { PreparedPrompt } from '../../src/types/prompt.js';
import { families, familyFolder, loadProcessor, readReferences, withImages } from './support.js';

const family = 'qwen2_5_vl';
const references = readReferences(family);
const processor = await loadProcessor(family);
const chart = `${familyFolder(family)}chart.png`;
const table = `${familyFolder(family)}table.png`;

const { messages: given, tools } = references.prompts.tools_image;
const messages = withImages(given, [chart]);
const answer: Message = {
  role: 'tool',
  content: [
    { type: 'text', text: 'cropped: ' },
    { type: 'image', image: table },
  ],
};

function plain(prompt: PreparedPrompt): unknown {
  const { inputIds, positionIds, characters, images, sampled: _, ...rest } = prompt;
  return {
    ...rest,
    inputIds: [...inputIds],
    positionIds: positionIds.map((plane) => [...plane]),
    characters: [...characters],
    images: images.map(({ tokens, hash }) => ({ tokens: [...tokens], hash })),
  };
}

describe('prepareNextTurn', async () => {
  const prompt = await processor.prepare(messages, { tools });
  const { ids, text } = references.completions.zoom;

  it('equals the whole conversation rendered at once', async () => {
    const next = await processor.prepareNextTurn(prompt, { tokenIds: ids }, [answer]);
    const call = JSON.parse(text.slice('<tool_call>\n'.length, text.indexOf('\n</tool_call>')));
    const whole = await processor.prepare(
      [
        ...messages,
        { role: 'assistant', content: '', tool_calls: [{ type: 'function', function: call }] },
        answer,
      ],
      { tools },
    );
    expect(plain(next)).toEqual(plain(whole));
    const sampled = [...next.sampled].flatMap((flag, index) => (flag === 1 ? [index] : []));
    expect(sampled).toEqual(ids.map((_: number, index: number) => prompt.inputIds.length + index));
    // Pictures of earlier turns are not processed again.
    expect(next.images[0]).toBe(prompt.images[0]);
  });

  it('closes a turn that the model did not end', async () => {
    const ended = await processor.prepareNextTurn(prompt, { tokenIds: ids }, [answer]);
    const cut = await processor.prepareNextTurn(prompt, { tokenIds: ids.slice(0, -1) }, [answer]);
    expect([...cut.inputIds]).toEqual([...ended.inputIds]);
    expect([...cut.sampled].reduce((sum, flag) => sum + flag, 0)).toBe(ids.length - 1);
  });

  it('keeps sampled tokens that tokenizing their text would not give', async () => {
    // Single bytes and letters, parts of characters among them.
    const odd = [66, 67, 126, 108, 5, 126];
    expect(processor.tokenize(processor.decode(odd))).not.toEqual(odd);
    const next = await processor.prepareNextTurn(prompt, { tokenIds: odd }, [
      { role: 'user', content: 'Go on.' },
    ]);
    const length = prompt.inputIds.length;
    expect([...next.inputIds.slice(0, length + odd.length)]).toEqual([...prompt.inputIds, ...odd]);
    const parts = [...next.inputIds].map((_, index) =>
      next.text.slice(next.characters[index], next.characters[index + 1]),
    );
    expect(parts.join('')).toBe(next.text);
    const positions = [...(next.positionIds[1] ?? [])].slice(length, length + odd.length);
    expect(positions).toEqual(odd.map((_, index) => prompt.nextPosition + index));
  });

  it('goes on for several turns, with positions behind each picture', async () => {
    const second = await processor.prepareNextTurn(prompt, { tokenIds: ids }, [answer]);
    const third = await processor.prepareNextTurn(second, { tokenIds: ids }, [answer, answer]);
    expect(third.images.length).toBe(4);
    for (const { tokens } of third.images)
      for (const token of tokens) expect(third.blocks[token]).toBe('I');
    expect([...third.sampled].reduce((sum, flag) => sum + flag, 0)).toBe(2 * ids.length);
    expect(third.positionIds.map((plane) => plane.at(-1))).toEqual([
      third.nextPosition - 1,
      third.nextPosition - 1,
      third.nextPosition - 1,
    ]);
  });

  it('refuses an image token that the model sampled, and tokens that there are not', async () => {
    const sampleImage = processor.prepareNextTurn(prompt, { tokenIds: [66, 652] }, [answer]);
    await expect(sampleImage).rejects.toMatchObject({ code: 'image-tokens' });
    for (const id of [-1, 704, 1.5]) {
      const next = processor.prepareNextTurn(prompt, { tokenIds: [id] }, [answer]);
      await expect(next).rejects.toMatchObject({ code: 'invalid-argument' });
      await expect(next).rejects.toThrow(VlmError);
    }
    await expect(processor.prepareNextTurn(prompt, { tokenIds: ids }, [])).rejects.toMatchObject({
      code: 'prompt',
    });
  });
});

describe.each(families)('%s: a user who goes on', async (name) => {
  const other = await loadProcessor(name);

  it('is encoded as in the whole conversation', async () => {
    const first: Message[] = [{ role: 'user', content: 'Hi' }];
    const said = other.tokenize('It is C');
    const prompt = await other.prepare(first);
    const again: Message = { role: 'user', content: 'And then?' };
    const next = await other.prepareNextTurn(prompt, { tokenIds: said }, [again]);
    const whole = await other.prepare([
      ...first,
      { role: 'assistant', content: other.decode(said) },
      again,
    ]);
    // SmolVLM's template writes a space before what is said; a model samples none, or samples it itself.
    const expected = plain(whole);
    if (name === 'smolvlm') expect(next.text).toBe(whole.text.replace(': It is', ':It is'));
    else expect(plain(next)).toEqual(expected);
    expect(next.blocks.filter((block) => block === 'R').length).toBeGreaterThan(3);
  });
});
