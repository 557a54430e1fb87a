import { byteCharacters, pretokenPattern, pretokens, toByteCharacters } from './pretokens.js';
import { type SpecialToken, skippedTokens, specialTokens } from './special-tokens.js';

const specialPattern = new RegExp(
  `(${specialTokens.map((token) => token.replaceAll(/[|<>/]/g, '\\$&')).join('|')})`,
);

/**
 * The tokenizer of the models, as `tokenizer.json` describes it to transformers.js: known pieces are one token,
 * others one token a byte. It is here because training encodes some hundred thousand texts.
 */
export class Tokenizer {
  /** Known pieces, in the order of their ids from 256 on. */
  readonly pieces: readonly string[];
  /** Tokens in all. */
  readonly size: number;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #texts: readonly string[];

  constructor(pieces: readonly string[]) {
    this.pieces = pieces;
    this.size = 256 + pieces.length + specialTokens.length;
    this.#ids = new Map(
      [...pieces, ...specialTokens].map((piece, index) => [piece, 256 + index] as const),
    );
    this.#texts = [...pieces, ...specialTokens];
  }

  idOf(token: SpecialToken): number {
    return this.size - specialTokens.length + specialTokens.indexOf(token);
  }

  encode(text: string): number[] {
    return text.split(specialPattern).flatMap((part, index) => {
      if (index % 2 === 1) return [this.#ids.get(part) ?? 0];
      return pretokens(part).flatMap((piece) => this.#ids.get(piece) ?? [...Buffer.from(piece)]);
    });
  }

  decode(ids: readonly number[]): string {
    const parts = ids.map((id) =>
      id < 256 ? Buffer.from([id]) : Buffer.from(this.#texts[id - 256] ?? ''),
    );
    return Buffer.concat(parts).toString('utf8');
  }

  /** `tokenizer.json`: byte-level BPE without merges, which looks whole pieces up first. */
  toJson(): unknown {
    const vocabulary = [...byteCharacters, ...this.pieces.map((piece) => toByteCharacters(piece))];
    return {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: specialTokens.map((content, index) => ({
        id: vocabulary.length + index,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: index < skippedTokens,
      })),
      normalizer: { type: 'NFC' },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          {
            type: 'Split',
            pattern: { Regex: pretokenPattern },
            behavior: 'Isolated',
            invert: false,
          },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
        ],
      },
      post_processor: {
        type: 'ByteLevel',
        add_prefix_space: false,
        trim_offsets: false,
        use_regex: false,
      },
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: '',
        end_of_word_suffix: '',
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: true,
        vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
        merges: [],
      },
    };
  }
}
