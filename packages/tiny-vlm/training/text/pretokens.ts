/**
 * Cuts text into what the tokenizer looks up as wholes: runs of line breaks, single digits, single capital
 * letters, words, names with underscores, and stretches of JSON between them. So a tool's definition is seven
 * tokens long and a call ten, while labels and digits stay tokens of their own.
 *
 * The same text is the pattern of `tokenizer.json`; it is valid in JavaScript (`u`) and in Oniguruma.
 */
export const pretokenPattern: string = [
  '\\n+',
  '\\p{N}',
  '[A-Za-z]+(?:_[A-Za-z]+)+',
  ' ?(?:[A-Z]?[a-z]+|[A-Z][A-Z]+)',
  '[A-Z]',
  '["{\\[\\]}](?:(?!\\n|[A-Za-z]+_|\\b[A-Z]\\b)[\\s\\S])*',
  ' ?[^\\sA-Za-z0-9"{}\\[\\]]+',
  '\\s+',
].join('|');

const pattern = new RegExp(pretokenPattern, 'gu');

export function pretokens(text: string): string[] {
  return [...text.matchAll(pattern)].map(([piece]) => piece);
}

/**
 * GPT-2's names of bytes, which byte-level vocabularies are written in: printable Latin-1 stands for itself,
 * the others for the characters from 256 on.
 */
export const byteCharacters: readonly string[] = makeByteCharacters();

function makeByteCharacters(): string[] {
  const isPrintable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : next++),
  );
}

/** A piece of text as a byte-level vocabulary writes it. */
export function toByteCharacters(piece: string): string {
  return [...Buffer.from(piece)].map((byte) => byteCharacters[byte]).join('');
}
