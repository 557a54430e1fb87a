import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { VlmError } from '../errors.js';
import { alignNormalized } from './align-normalized.js';
import { type JsonObject, parseSettings } from './model-files.js';
import { byteLevelBytes, decodeBytes, pieceBytes } from './token-bytes.js';

/** A token beside the trained vocabulary, such as `<|im_end|>`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Control tokens are special; markup such as `<tool_call>` often is not. */
  readonly special: boolean;
  /** White space beside the token belongs to it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

export interface TokenizedText {
  readonly ids: readonly number[];
  /**
   * For each token, where its characters begin in the text (UTF-16). A character of several tokens is counted with the
   * first; the others have none.
   */
  readonly starts: readonly number[];
  /** For each token, the index of the character that its first byte belongs to. */
  readonly owners: readonly number[];
}

const tokenizerSchema = z.object({
  added_tokens: z
    .array(
      z.object({
        id: z.number().int().nonnegative(),
        content: z.string().min(1),
        special: z.boolean().default(false),
        lstrip: z.boolean().default(false),
        rstrip: z.boolean().default(false),
      }),
    )
    .default([]),
  decoder: z.unknown(),
  model: z.object({ type: z.string().nullish() }),
});

/**
 * A model's tokenizer, which recognizes added tokens only where it is told that it may. Text between them is split by
 * `@huggingface/tokenizers`; that has no offsets, so they are counted from the tokens' bytes.
 */
export class TextTokenizer {
  readonly addedTokens: readonly AddedToken[];
  readonly #plain: Tokenizer;
  readonly #addedById: ReadonlyMap<number, AddedToken>;
  readonly #addedByContent: ReadonlyMap<string, AddedToken>;
  readonly #firstCharacters: ReadonlySet<number>;
  /** Lengths of added tokens, longest first: of several that begin at one place, the longest counts. */
  readonly #lengths: readonly number[];
  readonly #bytesOf: (token: string) => Uint8Array;
  readonly #hasByteFallback: boolean;

  /** @throws {VlmError} `model-file` if `tokenizer.json` is of a kind that cannot be read. */
  constructor(tokenizerJson: JsonObject, tokenizerConfig: JsonObject) {
    const { added_tokens, decoder } = parseSettings(
      tokenizerSchema,
      tokenizerJson,
      'tokenizer.json',
    );
    this.addedTokens = added_tokens;
    this.#addedById = new Map(added_tokens.map((token) => [token.id, token]));
    this.#addedByContent = new Map(added_tokens.map((token) => [token.content, token]));
    this.#firstCharacters = new Set(added_tokens.map(({ content }) => content.charCodeAt(0)));
    const lengths = new Set(added_tokens.map(({ content }) => content.length));
    this.#lengths = [...lengths].sort((a, b) => b - a);
    this.#hasByteFallback = !JSON.stringify(decoder ?? null).includes('"ByteLevel"');
    this.#bytesOf = this.#hasByteFallback ? pieceBytes : byteLevelBytes;
    try {
      this.#plain = new Tokenizer(
        withAllDigits({ ...tokenizerJson, added_tokens: [] }),
        tokenizerConfig,
      );
    } catch (error) {
      throw new VlmError('model-file', 'tokenizer.json cannot be used: fetch it again.', {
        cause: error,
      });
    }
  }

  added(content: string): AddedToken | undefined {
    return this.#addedByContent.get(content);
  }

  addedById(id: number): AddedToken | undefined {
    return this.#addedById.get(id);
  }

  /** The added tokens in a text, of those that may be there. */
  findAdded(
    text: string,
    isAllowed: (start: number, end: number, token: AddedToken) => boolean,
  ): { readonly start: number; readonly end: number; readonly token: AddedToken }[] {
    const found: { start: number; end: number; token: AddedToken }[] = [];
    let from = 0;
    while (from < text.length) {
      const token = this.#addedAt(text, from);
      const match = from + (token?.content.length ?? 0);
      if (token === undefined || !isAllowed(from, match, token)) {
        from++;
        continue;
      }
      const before = found.at(-1)?.end ?? 0;
      const start = token.lstrip ? text.slice(before, from).trimEnd().length + before : from;
      const end = token.rstrip ? text.length - text.slice(match).trimStart().length : match;
      found.push({ start, end, token });
      from = end;
    }
    return found;
  }

  #addedAt(text: string, start: number): AddedToken | undefined {
    if (!this.#firstCharacters.has(text.charCodeAt(start))) return undefined;
    for (const length of this.#lengths) {
      const token = this.#addedByContent.get(text.slice(start, start + length));
      if (token !== undefined) return token;
    }
    return undefined;
  }

  encode(
    text: string,
    isAllowed: (start: number, end: number, token: AddedToken) => boolean,
  ): TokenizedText {
    const ids: number[] = [];
    const starts: number[] = [];
    const owners: number[] = [];
    const tokens = { ids, starts, owners };
    let end = 0;
    for (const { start, end: next, token } of this.findAdded(text, isAllowed)) {
      this.#encodePlain(text, end, start, tokens);
      tokens.ids.push(token.id);
      tokens.starts.push(start);
      tokens.owners.push(start);
      end = next;
    }
    this.#encodePlain(text, end, text.length, tokens);
    return tokens;
  }

  #encodePlain(
    text: string,
    start: number,
    end: number,
    out: { readonly ids: number[]; readonly starts: number[]; readonly owners: number[] },
  ): void {
    if (start >= end) return;
    const section = text.slice(start, end);
    const encoding = this.#plain.encode(section, { add_special_tokens: false });
    const normalized = (part: string): string => this.#plain.normalizer?.normalize(part) ?? part;
    const { owners, starts } = alignNormalized(section, normalized, this.#hasByteFallback);
    let byte = 0;
    for (const [index, token] of encoding.tokens.entries()) {
      out.ids.push(encoding.ids[index] ?? 0);
      out.starts.push(start + (starts[byte] ?? section.length));
      out.owners.push(start + (owners[byte] ?? section.length));
      byte += this.#bytesOf(token).length;
    }
    if (byte !== owners.length)
      throw new VlmError(
        'prompt',
        `The tokenizer's tokens hold ${byte} bytes of a text of ${owners.length}: a character that it does ` +
          'not know, or a kind of normalization that is not supported.',
      );
  }

  /** A token's bytes; added tokens are their text. `undefined` where the vocabulary has no such token. */
  tokenBytes(id: number): Uint8Array | undefined {
    const added = this.#addedById.get(id);
    if (added !== undefined) return new TextEncoder().encode(added.content);
    const token = this.#plain.id_to_token(id);
    return token === undefined ? undefined : this.#bytesOf(token);
  }

  /** The tokens' text, special tokens included. Bytes that are no UTF-8 become U+FFFD. */
  decode(ids: readonly number[]): string {
    const runs: Uint8Array[] = [];
    let text = '';
    const flush = (): void => {
      text += decodeBytes(runs, this.#hasByteFallback);
      runs.length = 0;
    };
    for (const id of ids) {
      const added = this.#addedById.get(id);
      if (added === undefined) runs.push(this.tokenBytes(id) ?? new Uint8Array());
      else {
        flush();
        text += added.content;
      }
    }
    flush();
    return text;
  }
}

/**
 * Puts a split in place of the pre-tokenizer "Digits": in the original that means every numeric character (`½`, `Ⅳ`,
 * `١`), in `@huggingface/tokenizers` 0.2.0 only 0 to 9.
 */
function withAllDigits(value: JsonObject): JsonObject {
  const replace = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(replace);
    if (typeof part !== 'object' || part === null) return part;
    const entries: JsonObject = Object.fromEntries(Object.entries(part));
    if (entries['type'] !== 'Digits')
      return Object.fromEntries(Object.entries(entries).map(([key, item]) => [key, replace(item)]));
    const pattern = { Regex: entries['individual_digits'] === true ? '\\p{N}' : '\\p{N}+' };
    return { type: 'Split', pattern, behavior: 'Isolated', invert: false };
  };
  return { ...value, pre_tokenizer: replace(value['pre_tokenizer']) };
}
