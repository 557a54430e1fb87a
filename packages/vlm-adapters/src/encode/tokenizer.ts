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
  readonly #pattern: RegExp | null;
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
    // Of several that begin at one place, the longest counts: alternatives are tried in their order.
    const alternatives = added_tokens
      .map(({ content }) => content)
      .sort((a, b) => b.length - a.length)
      .map((content) => content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
    this.#pattern = alternatives.length === 0 ? null : new RegExp(alternatives.join('|'), 'gu');
    this.#hasByteFallback = !JSON.stringify(decoder).includes('"ByteLevel"');
    this.#bytesOf = this.#hasByteFallback ? pieceBytes : byteLevelBytes;
    try {
      this.#plain = new Tokenizer({ ...tokenizerJson, added_tokens: [] }, tokenizerConfig);
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
    const pattern = this.#pattern;
    if (pattern === null) return found;
    let from = 0;
    for (;;) {
      pattern.lastIndex = from;
      const match = pattern.exec(text);
      if (match === null) return found;
      const token = this.#addedByContent.get(match[0]);
      const start = match.index;
      const end = start + match[0].length;
      if (token === undefined || !isAllowed(start, end, token)) {
        from = start + 1;
        continue;
      }
      const before = found.at(-1)?.end ?? 0;
      const left = token.lstrip ? text.slice(before, start).trimEnd().length + before : start;
      const right = token.rstrip ? text.length - text.slice(end).trimStart().length : end;
      found.push({ start: left, end: right, token });
      from = right;
    }
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
