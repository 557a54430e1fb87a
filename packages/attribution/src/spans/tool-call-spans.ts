/** Parts of a tool call written as JSON, as character ranges [start, end). */
export type CallPart = 'toolName' | 'argumentNames' | 'argumentValues' | 'template';

export interface CallSpan {
  readonly part: CallPart;
  readonly start: number;
  readonly end: number;
}

/** Keys that hold the tool's name, and keys that hold its arguments, in the common call formats. */
const nameKeys: readonly string[] = ['name', 'function'];
const argumentKeys: readonly string[] = ['arguments', 'parameters', 'args', 'input'];

/**
 * Finds the tool's name, argument names and argument values in the text of a JSON tool call; whatever is left
 * (tags, braces, quotes, keys of the format) is `template`. Nested objects and arrays inside a value belong to it.
 *
 * The text need not be valid JSON to its end: a call cut off in the middle gives the parts up to the cut.
 *
 * @returns Disjoint spans in order that cover the text; quotes around names and strings are template.
 */
export function findCallSpans(text: string): CallSpan[] {
  const marked: CallSpan[] = [];
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '{') index = readCall(text, index, marked) - 1;
  }
  return withTemplate(marked, text.length);
}

/** Reads `{"name": …, "arguments": {…}}` from its brace; returns the index after it. */
function readCall(text: string, start: number, marked: CallSpan[]): number {
  return readObject(text, start, (key, _keySpan, valueStart) => {
    if (nameKeys.includes(key) && text[valueStart] === '"') {
      const end = skipString(text, valueStart);
      markString('toolName', text, valueStart, end, marked);
      return end;
    }
    if (text[valueStart] === '{' && argumentKeys.includes(key)) {
      return readObject(text, valueStart, (_name, [nameStart, nameEnd], argumentStart) => {
        marked.push({ part: 'argumentNames', start: nameStart, end: nameEnd });
        const end = skipValue(text, argumentStart);
        if (text[argumentStart] === '"')
          markString('argumentValues', text, argumentStart, end, marked);
        else marked.push({ part: 'argumentValues', start: argumentStart, end });
        return end;
      });
    }
    // {"function": {"name": …}} and lists of calls hold the call one level down.
    if (text[valueStart] === '{') return readCall(text, valueStart, marked);
    return skipValue(text, valueStart);
  });
}

type EntryReader = (key: string, keySpan: readonly [number, number], valueStart: number) => number;

function readObject(text: string, start: number, readEntry: EntryReader): number {
  let index = start + 1;
  while (index < text.length) {
    index = skipBetween(text, index);
    if (text[index] === '}') return index + 1;
    if (text[index] !== '"') return index + 1;
    const keyEnd = skipString(text, index);
    const keySpan: [number, number] = [index + 1, Math.max(index + 1, keyEnd - 1)];
    index = skipBetween(text, keyEnd);
    if (text[index] !== ':') return index;
    index = skipBetween(text, index + 1);
    if (index >= text.length) return index;
    const next = readEntry(text.slice(...keySpan), keySpan, index);
    index = Math.max(next, index + 1);
  }
  return index;
}

/** Skips white space and commas. */
function skipBetween(text: string, start: number): number {
  let index = start;
  while (index < text.length && /[\s,]/.test(text[index]!)) index++;
  return index;
}

/** Index after the string that opens at `start`, or the end of the text. */
function skipString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text[index] !== '"') index += text[index] === '\\' ? 2 : 1;
  return Math.min(index + 1, text.length);
}

/** Index after any JSON value. */
function skipValue(text: string, start: number): number {
  if (text[start] === '"') return skipString(text, start);
  let depth = 0;
  let index = start;
  while (index < text.length) {
    const character = text[index]!;
    if (character === '"') {
      index = skipString(text, index);
      continue;
    }
    if (character === '{' || character === '[') depth++;
    if (character === '}' || character === ']') {
      if (depth === 0) return trimmedEnd(text, start, index);
      depth--;
      if (depth === 0) return index + 1;
    }
    if (depth === 0 && character === ',') return trimmedEnd(text, start, index);
    index++;
  }
  return index;
}

function trimmedEnd(text: string, start: number, end: number): number {
  let index = end;
  while (index > start && /\s/.test(text[index - 1]!)) index--;
  return index;
}

/** Marks what lies between the quotes of a string. */
function markString(
  part: CallPart,
  text: string,
  start: number,
  end: number,
  marked: CallSpan[],
): void {
  const inner = end - 1 > start && text[end - 1] === '"' ? end - 1 : end;
  if (inner > start + 1) marked.push({ part, start: start + 1, end: inner });
}

function withTemplate(marked: readonly CallSpan[], length: number): CallSpan[] {
  const spans: CallSpan[] = [];
  let covered = 0;
  for (const span of marked) {
    if (span.start > covered) spans.push({ part: 'template', start: covered, end: span.start });
    if (span.end > span.start) spans.push(span);
    covered = Math.max(covered, span.end);
  }
  if (covered < length) spans.push({ part: 'template', start: covered, end: length });
  return spans;
}
