import { IapoError } from '../errors.js';

interface Vocabulary {
  readonly id: string;
  decode(tokenIds: readonly number[]): string;
  tokenize?(text: string): readonly number[];
}

/**
 * A call in another model's tokens: the same ones where that model reads the same text in them, else its own for
 * that text.
 *
 * @throws {IapoError} `explanation-failed` when the other model cannot spell the text.
 */
export function translateCall(
  from: Pick<Vocabulary, 'decode'>,
  to: Vocabulary,
  tokenIds: readonly number[],
): readonly number[] {
  const text = from.decode(tokenIds);
  if (readsAs(to, tokenIds, text)) return tokenIds;
  const translated = to.tokenize?.(text);
  if (translated !== undefined && readsAs(to, translated, text)) return translated;
  const reason =
    translated === undefined
      ? 'its vocabulary differs and it has no `tokenize`'
      : 'its tokens spell another text';
  throw new IapoError(
    'explanation-failed',
    `The model "${to.id}" cannot read the call ${JSON.stringify(text)}: ${reason}.`,
  );
}

function readsAs(model: Vocabulary, tokenIds: readonly number[], text: string): boolean {
  try {
    return model.decode(tokenIds) === text;
  } catch {
    // A tokenizer may throw for an id that it does not have: then the vocabularies differ.
    return false;
  }
}
