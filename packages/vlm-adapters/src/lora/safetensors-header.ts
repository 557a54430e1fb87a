import { VlmError } from '../errors.js';

/** Bytes of one element, by the format's name of the type. */
const elementBytes: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
};

/** Headers above this are refused, as by the format's own reader. */
export const maximumHeaderBytes = 100_000_000;

/** Where a tensor lies. */
export interface SafetensorsEntry {
  readonly dtype: string;
  readonly dims: readonly number[];
  /** First byte, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
}

/**
 * Reads the header of a safetensors file and checks all that it says: every length against shape and type, and
 * that the tensors tile the data without gap, overlap or rest. Nothing of the data is read before that.
 *
 * @param text JSON of the header.
 * @param dataBytes Bytes of the file after the header.
 * @throws {VlmError} `adapter`, naming the tensor.
 * @see https://huggingface.co/docs/safetensors, "Format"
 */
export function parseSafetensorsHeader(
  text: string,
  dataBytes: number,
  path: string,
): SafetensorsHeader {
  const fail = (problem: string, cause?: unknown): never => {
    throw new VlmError('adapter', `${path} is not a safetensors file to trust: ${problem}.`, {
      cause,
    });
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    return fail('its header is not JSON', cause);
  }
  if (!isRecord(parsed)) return fail('its header is not a JSON object');
  if (countKeys(text) !== countKeysOf(parsed)) {
    return fail('a name or field stands twice in its header');
  }
  const entries = new Map<string, SafetensorsEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__') metadata = readMetadata(value, fail);
    else entries.set(name, readEntry(name, value, dataBytes, fail));
  }
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const [name, entry] of sorted) {
    if (entry.begin < end) return fail(`tensor ${quote(name)} overlaps another one`);
    if (entry.begin > end) return fail(`bytes ${end} to ${entry.begin} belong to no tensor`);
    end = entry.end;
  }
  if (end !== dataBytes) return fail(`bytes ${end} to ${dataBytes} belong to no tensor`);
  return { metadata, entries };
}

type Fail = (problem: string, cause?: unknown) => never;

function readEntry(name: string, value: unknown, dataBytes: number, fail: Fail): SafetensorsEntry {
  const shown = quote(name);
  if (!isRecord(value)) return fail(`the entry of tensor ${shown} is not an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  const size = typeof dtype === 'string' && Object.hasOwn(elementBytes, dtype) ? dtype : undefined;
  if (typeof dtype !== 'string' || size === undefined) {
    return fail(`tensor ${shown} has the type ${quote(dtype)}, which is none of the format's`);
  }
  if (!isCounts(shape)) return fail(`the shape of tensor ${shown} is not a list of sizes`);
  if (!isCounts(offsets) || offsets.length !== 2) {
    return fail(`the offsets of tensor ${shown} are not two numbers`);
  }
  const [begin = 0, end = 0] = offsets;
  if (begin > end || end > dataBytes) {
    return fail(`tensor ${shown} has bytes ${begin} to ${end}, and there are ${dataBytes}`);
  }
  const needed = shape.reduce((product, count) => product * count, 1) * (elementBytes[dtype] ?? 0);
  if (needed !== end - begin) {
    const has = end - begin;
    return fail(
      `tensor ${shown} of type ${dtype} and shape ${quote(shape)} needs ${needed} bytes and has ${has}`,
    );
  }
  return { dtype, dims: shape, begin, end };
}

function readMetadata(value: unknown, fail: Fail): Record<string, string> {
  if (!isRecord(value)) return fail('its metadata are not an object');
  const metadata: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') return fail(`the metadata ${quote(key)} are not text`);
    // Defined, not assigned: a key may be called __proto__.
    Object.defineProperty(metadata, key, { value: text, enumerable: true, configurable: true });
  }
  return metadata;
}

/**
 * Keys in a JSON text that parses: strings with a colon after them. `JSON.parse` keeps the last of two equal
 * keys, other readers the first, so that one file could be two.
 */
function countKeys(text: string): number {
  let count = 0;
  let isInString = false;
  let isAfterString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (isInString) {
      if (character === '\\') index++;
      else if (character === '"') isInString = false;
    } else if (character === '"') {
      isInString = true;
      isAfterString = true;
    } else if (character === ':' && isAfterString) {
      count++;
      isAfterString = false;
    }
  }
  return count;
}

function countKeysOf(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countKeysOf(item), 0);
  if (!isRecord(value)) return 0;
  return Object.values(value).reduce<number>((sum, item) => sum + 1 + countKeysOf(item), 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** A name from a file, short enough for a message. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 120 ? text : `${text.slice(0, 117)}…`;
}
