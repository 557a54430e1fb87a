import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { families, loadProcessor } from './support.js';

interface Case {
  readonly family: string;
  readonly text: string;
  readonly plain: readonly number[];
  /** Offsets in code points. */
  readonly starts: readonly number[];
  readonly special_split: readonly number[] | null;
}

// Made by scripts/reference/vlm-adapters/plain_tokens.py with the version of tokenizers that the file names.
const fixture: { readonly cases: readonly Case[] } = JSON.parse(
  readFileSync(new URL('../fixtures/plain-tokens.json', import.meta.url), 'utf8'),
);

/** UTF-16 offsets of code points, and of the text's end. */
function codePointOffsets(text: string): number[] {
  const offsets = [0];
  for (const character of text) offsets.push((offsets.at(-1) ?? 0) + character.length);
  return offsets;
}

/** What the tokenizers change of a text before they split it, as their tokenizer.json says. */
const normalizations: Readonly<Record<string, (text: string) => string>> = {
  smolvlm: (text) => text,
  gemma3: (text) => text.replaceAll('\u2581', ' '),
};

describe.each(families)('%s: text in which no added token may be', async (family) => {
  const { tokenizer } = await loadProcessor(family);
  const normalize = normalizations[family] ?? ((text: string) => text.normalize('NFC'));
  const cases = fixture.cases.filter((entry) => entry.family === family);

  it.each(cases)('$text', ({ text, plain, starts, special_split }) => {
    const encoded = tokenizer.encode(text, () => false);
    expect(encoded.ids).toEqual(plain);
    if (special_split !== null) expect(encoded.ids).toEqual(special_split);
    const offsets = codePointOffsets(text);
    expect(encoded.owners).toEqual(starts.map((start) => offsets[start]));
    expect(encoded.ids.filter((id) => tokenizer.addedById(id) !== undefined)).toEqual([]);
    expect(tokenizer.decode(encoded.ids)).toBe(normalize(text));
  });
});
