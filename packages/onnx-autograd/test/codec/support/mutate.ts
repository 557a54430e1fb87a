import { findFields, varint } from './wire-fields.js';

type Random = () => number;

/** Numbers at the edges of what codecs hold. */
const extremes: readonly bigint[] = [
  0n,
  1n,
  127n,
  128n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 40n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

const interestingBytes = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x12, 0x2a, 0x3a, 0x4a];

/** Ways of breaking bytes. Each returns new bytes, with about one change. */
const mutations: readonly ((bytes: Uint8Array, random: Random, donor: Uint8Array) => Uint8Array)[] =
  [
    flipBits,
    flipBits,
    overwriteBytes,
    truncate,
    insertBytes,
    removeBytes,
    copyFromDonor,
    tamperLength,
    tamperLength,
    tamperVarint,
    tamperVarint,
    tamperTag,
    duplicateField,
    removeField,
    swapFields,
    replaceContent,
    replaceText,
    nest,
  ];

/** Breaks bytes in one way, or now and then in two or three. */
export function mutate(bytes: Uint8Array, random: Random, donor: Uint8Array): Uint8Array {
  let result = bytes;
  const times = random() < 0.7 ? 1 : 2 + below(random, 2);
  for (let index = 0; index < times; index++) {
    const mutation = mutations[below(random, mutations.length)] as (typeof mutations)[number];
    result = mutation(result, random, donor);
  }
  return result;
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function splice(
  bytes: Uint8Array,
  start: number,
  end: number,
  inserted: ArrayLike<number>,
): Uint8Array {
  const result = new Uint8Array(bytes.length - (end - start) + inserted.length);
  result.set(bytes.subarray(0, start));
  result.set(inserted, start);
  result.set(bytes.subarray(end), start + inserted.length);
  return result;
}

/**
 * Replaces bytes and, three times in four, corrects the lengths of the messages around: what is broken
 * then is the inside of an otherwise well-formed model.
 */
function spliceFitting(
  bytes: Uint8Array,
  start: number,
  end: number,
  inserted: ArrayLike<number>,
  random: Random,
): Uint8Array {
  if (random() < 0.25) return splice(bytes, start, end, inserted);
  const around = findFields(bytes).filter(
    (field) => field.wireType === 2 && field.contentStart <= start && end <= field.end,
  );
  let [from, to, replacement] = [start, end, Uint8Array.from(inserted)];
  // From the innermost message out: each is written anew with the length that it has come to.
  for (const field of around.reverse()) {
    if (field.valueStart >= from) continue;
    const content = Buffer.concat([
      bytes.subarray(field.contentStart, from),
      replacement,
      bytes.subarray(to, field.end),
    ]);
    replacement = Uint8Array.from([...varint(BigInt(content.length)), ...content]);
    [from, to] = [field.valueStart, field.end];
  }
  return splice(bytes, from, to, replacement);
}

function randomBytes(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => below(random, 256));
}

function flipBits(bytes: Uint8Array, random: Random): Uint8Array {
  const result = bytes.slice();
  const flips = 1 + below(random, 8);
  for (let index = 0; index < flips && result.length > 0; index++) {
    const place = below(random, result.length);
    result[place] = (result[place] as number) ^ (1 << below(random, 8));
  }
  return result;
}

function overwriteBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const result = bytes.slice();
  const start = below(random, result.length);
  const byte = interestingBytes[below(random, interestingBytes.length)] as number;
  result.fill(byte, start, start + 1 + below(random, 12));
  return result;
}

function truncate(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.slice(0, below(random, bytes.length));
}

function insertBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const place = below(random, bytes.length + 1);
  return splice(bytes, place, place, randomBytes(random, 1 + below(random, 16)));
}

function removeBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const start = below(random, bytes.length);
  return splice(bytes, start, Math.min(bytes.length, start + 1 + below(random, 32)), []);
}

function copyFromDonor(bytes: Uint8Array, random: Random, donor: Uint8Array): Uint8Array {
  const from = below(random, donor.length);
  const piece = donor.subarray(from, from + 1 + below(random, 64));
  const place = below(random, bytes.length + 1);
  const end = random() < 0.5 ? place : Math.min(bytes.length, place + piece.length);
  return splice(bytes, place, end, piece);
}

function pickField(
  bytes: Uint8Array,
  random: Random,
  wireType?: number,
): ReturnType<typeof findFields>[number] | undefined {
  const fields = findFields(bytes).filter(
    (field) => wireType === undefined || field.wireType === wireType,
  );
  return fields[below(random, fields.length)];
}

function tamperLength(bytes: Uint8Array, random: Random): Uint8Array {
  const field = pickField(bytes, random, 2);
  if (field === undefined) return truncate(bytes, random);
  const length = BigInt(field.end - field.contentStart);
  const choices = [length + 1n, length - 1n, length * 2n, length + 128n, ...extremes];
  const value = choices[below(random, choices.length)] as bigint;
  // Now and then in more bytes than needed, which is allowed.
  const encoded = varint(value);
  const isPadded = random() < 0.2 && encoded.length < 9;
  const padded = isPadded
    ? [...encoded.slice(0, -1), (encoded.at(-1) as number) | 128, 0]
    : encoded;
  return splice(bytes, field.valueStart, field.contentStart, padded);
}

function tamperVarint(bytes: Uint8Array, random: Random): Uint8Array {
  const field = pickField(bytes, random, 0);
  if (field === undefined) return flipBits(bytes, random);
  const value = extremes[below(random, extremes.length)] as bigint;
  const small = BigInt(below(random, 30));
  return spliceFitting(
    bytes,
    field.valueStart,
    field.end,
    varint(random() < 0.5 ? value : small),
    random,
  );
}

function tamperTag(bytes: Uint8Array, random: Random): Uint8Array {
  const field = pickField(bytes, random);
  if (field === undefined) return flipBits(bytes, random);
  const number = random() < 0.5 ? field.number : below(random, 30);
  const wireType = random() < 0.5 ? field.wireType : below(random, 8);
  return spliceFitting(
    bytes,
    field.start,
    field.valueStart,
    varint(BigInt(number * 8 + wireType)),
    random,
  );
}

function duplicateField(bytes: Uint8Array, random: Random): Uint8Array {
  const field = pickField(bytes, random);
  if (field === undefined) return insertBytes(bytes, random);
  const encoded = bytes.slice(field.start, field.end);
  const copies = Array.from({ length: 1 + below(random, 4) }, () => [...encoded]).flat();
  return spliceFitting(bytes, field.end, field.end, copies, random);
}

function removeField(bytes: Uint8Array, random: Random): Uint8Array {
  const field = pickField(bytes, random);
  return field === undefined ? bytes : spliceFitting(bytes, field.start, field.end, [], random);
}

function swapFields(bytes: Uint8Array, random: Random): Uint8Array {
  const [a, b] = [pickField(bytes, random), pickField(bytes, random)];
  if (a === undefined || b === undefined) return bytes;
  const [first, second] = a.start < b.start ? [a, b] : [b, a];
  if (first.end > second.start) return bytes;
  const [one, two] = [bytes.slice(first.start, first.end), bytes.slice(second.start, second.end)];
  return splice(splice(bytes, second.start, second.end, one), first.start, first.end, two);
}

function replaceContent(bytes: Uint8Array, random: Random): Uint8Array {
  const field = pickField(bytes, random, 2);
  if (field === undefined) return flipBits(bytes, random);
  // The same length, so that the messages around stay well formed.
  const content = randomBytes(random, field.end - field.contentStart);
  return spliceFitting(bytes, field.contentStart, field.end, content, random);
}

/** Locations, offsets and names are text: replaces some by text that means harm. */
function replaceText(bytes: Uint8Array, random: Random): Uint8Array {
  const field = pickField(bytes, random, 2);
  if (field === undefined) return flipBits(bytes, random);
  const texts = [
    '../../etc/passwd',
    '/dev/zero',
    'a\0b',
    '9007199254740993',
    '-1',
    '',
    '1e9',
    '\ud7ff',
  ];
  const text = Buffer.from(texts[below(random, texts.length)] as string);
  return spliceFitting(
    bytes,
    field.valueStart,
    field.end,
    [...varint(BigInt(text.length)), ...text],
    random,
  );
}

/** Puts content inside itself many times: graphs in attributes in nodes in graphs. */
function nest(bytes: Uint8Array, random: Random): Uint8Array {
  const field = pickField(bytes, random, 2);
  if (field === undefined) return flipBits(bytes, random);
  // Attribute of a node of a graph, the graph of an attribute: field 5, field 6, field 1.
  const tags = random() < 0.7 ? [0x0a, 0x2a, 0x32] : [bytes[field.start] as number];
  let content = [
    ...bytes.subarray(field.contentStart, Math.min(field.end, field.contentStart + 64)),
  ];
  const depth = 1 + below(random, 300);
  for (let index = 0; index < depth; index++) {
    content = [tags[index % tags.length] as number, ...varint(BigInt(content.length)), ...content];
  }
  const encoded = [...varint(BigInt(content.length)), ...content];
  return spliceFitting(bytes, field.valueStart, field.end, encoded, random);
}
