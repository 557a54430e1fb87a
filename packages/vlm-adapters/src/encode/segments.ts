import type { Block } from '../types/prompt.js';
import type { Piece, Source } from './template/traced-text.js';
import type { AddedToken, TextTokenizer } from './tokenizer.js';

/**
 * Which added tokens may be recognized in a text. `template`: all, the model's own template writes them. `trusted`:
 * markup such as `<tool_call>`, but no control tokens; system messages and the assistant's earlier turns. `data`:
 * none; what users, tools and tool definitions say.
 */
export type Trust = 'template' | 'trusted' | 'data';

/** A stretch of the prompt with one meaning. */
export interface Segment {
  readonly text: string;
  readonly block: Block;
  readonly trust: Trust;
}

function trustOf(source: Source): Trust {
  if (source.kind === 'template') return 'template';
  if (source.kind === 'tools' || source.field === 'other') return 'data';
  return source.role === 'system' || source.role === 'assistant' ? 'trusted' : 'data';
}

function isUserText(source: Source): boolean {
  return source.kind === 'message' && source.field === 'text' && source.role === 'user';
}

/**
 * Gives each stretch of the rendered prompt its block: `R` is the text of user messages, `T` the tools section, and
 * `P` everything else. (`I` comes with the expansion of the placeholders.)
 */
export function labelPieces(pieces: readonly Piece[], tokenizer: TextTokenizer): Segment[] {
  const tools = toolsSection(pieces, tokenizer);
  const segments: Segment[] = [];
  let offset = 0;
  for (const { text, source } of pieces) {
    const trust = trustOf(source);
    const isUser = isUserText(source);
    // A piece that the section's border cuts is of two blocks.
    const start = Math.min(Math.max(tools.start - offset, 0), text.length);
    const end = Math.min(Math.max(tools.end - offset, start), text.length);
    const parts: readonly (readonly [string, Block])[] = [
      [text.slice(0, start), isUser ? 'R' : 'P'],
      [text.slice(start, end), 'T'],
      [text.slice(end), isUser ? 'R' : 'P'],
    ];
    for (const [part, block] of parts) if (part !== '') segments.push({ text: part, block, trust });
    offset += text.length;
  }
  return segments;
}

/**
 * The tools section: around the tool definitions, what the template writes because of them and, behind them, the rest
 * of their message. The message's header and its end token are not of the section.
 */
function toolsSection(
  pieces: readonly Piece[],
  tokenizer: TextTokenizer,
): { readonly start: number; readonly end: number } {
  const first = pieces.findIndex(({ source }) => source.kind === 'tools');
  if (first < 0) return { start: 0, end: 0 };
  const last = pieces.findLastIndex(({ source }) => source.kind === 'tools');
  const text = pieces.map((piece) => piece.text).join('');
  const offsets = pieceOffsets(pieces);
  let from = first;
  while (from > 0) {
    const source = pieces[from - 1]?.source;
    if (source?.kind !== 'template' || !source.dependsOnTools) break;
    from--;
  }
  let to = last;
  while (to + 1 < pieces.length) {
    const source = pieces[to + 1]?.source;
    if (source === undefined || isUserText(source)) break;
    to++;
  }
  const dataStart = offsets[first] ?? 0;
  const dataEnd = offsets[last + 1] ?? text.length;
  const control = controlTokens(pieces, text, tokenizer);
  const begin = offsets[from] ?? 0;
  const header = control.findLast(({ start, end }) => start >= begin && end <= dataStart);
  const close = control.find(({ start }) => start >= dataEnd);
  const limit = offsets[to + 1] ?? text.length;
  return {
    start: header === undefined ? begin : afterLine(text, header.end, dataStart),
    end: Math.min(close?.start ?? limit, limit),
  };
}

/** Behind the rest of the line, if it ends before `limit`. */
function afterLine(text: string, start: number, limit: number): number {
  const line = text.indexOf('\n', start);
  return line < 0 || line >= limit ? start : line + 1;
}

/** Offset of each piece, and the length of all. */
function pieceOffsets(pieces: readonly Piece[]): number[] {
  const offsets = [0];
  for (const { text } of pieces) offsets.push((offsets.at(-1) ?? 0) + text.length);
  return offsets;
}

/** The control tokens that the template wrote. */
function controlTokens(
  pieces: readonly Piece[],
  text: string,
  tokenizer: TextTokenizer,
): readonly { readonly start: number; readonly end: number; readonly token: AddedToken }[] {
  const isAllowed = permission(
    pieces.map(({ text: part, source }) => ({ text: part, block: 'P', trust: trustOf(source) })),
    () => false,
  );
  return tokenizer.findAdded(text, isAllowed).filter(({ token }) => token.special);
}

/** Says of each added token in the segments' text whether it may be recognized. */
export function permission(
  segments: readonly Segment[],
  isOrdinaryText: (token: AddedToken) => boolean,
): (start: number, end: number, token: AddedToken) => boolean {
  const ends: number[] = [];
  for (const { text } of segments) ends.push((ends.at(-1) ?? 0) + text.length);
  return (start, end, token) => {
    if (isOrdinaryText(token)) return true;
    for (let index = segmentAt(ends, start); index < segments.length; index++) {
      const trust = segments[index]?.trust;
      if (trust === 'data' || (trust === 'trusted' && token.special)) return false;
      if ((ends[index] ?? 0) >= end) return true;
    }
    return true;
  };
}

/** Index of the segment that holds the character at `offset`; `ends` are the segments' ends. */
export function segmentAt(ends: readonly number[], offset: number): number {
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
