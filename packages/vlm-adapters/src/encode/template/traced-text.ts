/** Where characters of a rendered prompt come from. */
export type Source =
  /** Written by the template itself; `dependsOnTools` where it is written because of the tools. */
  | { readonly kind: 'template'; readonly dependsOnTools: boolean }
  /** Given by a message: its text, or anything else in it (role, tool calls, …). */
  | {
      readonly kind: 'message';
      readonly index: number;
      readonly role: string;
      readonly field: 'text' | 'other';
    }
  /** Given by the tool definitions. */
  | { readonly kind: 'tools' };

export interface Piece {
  readonly text: string;
  readonly source: Source;
}

export const templateSource: Source = { kind: 'template', dependsOnTools: false };

/** Python's `str.isspace`, which differs from JavaScript's `\s` in a few characters. */
function isPythonSpace(code: number): boolean {
  return (
    (code >= 0x09 && code <= 0x0d) ||
    (code >= 0x1c && code <= 0x20) ||
    code === 0x85 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

/** A string that knows where each of its characters comes from. */
export class TracedText {
  readonly value: string;
  readonly pieces: readonly Piece[];

  private constructor(pieces: readonly Piece[]) {
    this.pieces = pieces;
    this.value = pieces.map(({ text }) => text).join('');
  }

  static of(text: string, source: Source): TracedText {
    return new TracedText(text === '' ? [] : [{ text, source }]);
  }

  static concat(texts: readonly TracedText[]): TracedText {
    const pieces: Piece[] = [];
    for (const { pieces: added } of texts)
      for (const piece of added) {
        const last = pieces.at(-1);
        if (last?.source === piece.source)
          pieces[pieces.length - 1] = { text: last.text + piece.text, source: piece.source };
        else pieces.push(piece);
      }
    return new TracedText(pieces);
  }

  /** From UTF-16 index `start` to `end`, both counted from the beginning. */
  slice(start: number, end: number = this.value.length): TracedText {
    const pieces: Piece[] = [];
    let offset = 0;
    for (const { text, source } of this.pieces) {
      const part = text.slice(Math.max(start - offset, 0), Math.max(end - offset, 0));
      if (part !== '') pieces.push({ text: part, source });
      offset += text.length;
    }
    return new TracedText(pieces);
  }

  /** Changes the characters of each piece alone, keeping their sources. */
  map(change: (text: string) => string): TracedText {
    return new TracedText(
      this.pieces
        .map(({ text, source }) => ({ text: change(text), source }))
        .filter(({ text }) => text !== ''),
    );
  }

  /** Python's `strip`, `lstrip` and `rstrip`: without `characters`, white space. */
  strip(
    sides: { readonly left: boolean; readonly right: boolean },
    characters?: string,
  ): TracedText {
    const isStripped = (index: number): boolean =>
      characters === undefined
        ? isPythonSpace(this.value.charCodeAt(index))
        : characters.includes(this.value.charAt(index));
    let start = 0;
    let end = this.value.length;
    while (sides.left && start < end && isStripped(start)) start++;
    while (sides.right && end > start && isStripped(end - 1)) end--;
    return this.slice(start, end);
  }

  /** Python's `split`: without a separator, at runs of white space, with no empty parts. */
  split(separator?: string, most: number = Number.POSITIVE_INFINITY): TracedText[] {
    return separator === undefined ? this.#words(most) : this.#splitAt(separator, most);
  }

  #splitAt(separator: string, most: number): TracedText[] {
    if (separator === '') throw new Error('cannot split at an empty string');
    const parts: TracedText[] = [];
    let start = 0;
    for (;;) {
      const found = parts.length < most ? this.value.indexOf(separator, start) : -1;
      if (found < 0) return [...parts, this.slice(start)];
      parts.push(this.slice(start, found));
      start = found + separator.length;
    }
  }

  #words(most: number): TracedText[] {
    const isSpace = (index: number): boolean => isPythonSpace(this.value.charCodeAt(index));
    const parts: TracedText[] = [];
    let start = 0;
    for (;;) {
      while (start < this.value.length && isSpace(start)) start++;
      if (start >= this.value.length) return parts;
      if (parts.length >= most) return [...parts, this.slice(start)];
      let end = start;
      while (end < this.value.length && !isSpace(end)) end++;
      parts.push(this.slice(start, end));
      start = end;
    }
  }

  replace(
    old: string,
    replacement: TracedText,
    most: number = Number.POSITIVE_INFINITY,
  ): TracedText {
    return TracedText.join(this.#splitAt(old, most), replacement);
  }

  static join(texts: readonly TracedText[], separator: TracedText): TracedText {
    return TracedText.concat(
      texts.flatMap((text, index) => (index === 0 ? text : [separator, text])),
    );
  }

  /** One text for each code point. */
  characters(): TracedText[] {
    let offset = 0;
    return Array.from(this.value, (character) => {
      offset += character.length;
      return this.slice(offset - character.length, offset);
    });
  }
}
