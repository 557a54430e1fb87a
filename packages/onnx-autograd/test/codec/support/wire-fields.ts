/** A field of a protobuf message, found without knowing the schema. */
export interface WireField {
  /** First byte of the tag. */
  readonly start: number;
  readonly number: number;
  readonly wireType: number;
  /** First byte of the value: of the length prefix, for a length-delimited field. */
  readonly valueStart: number;
  /** First byte of the content of a length-delimited field; otherwise `valueStart`. */
  readonly contentStart: number;
  readonly end: number;
  readonly depth: number;
}

/** Fields of the bytes, and of every content that reads as a message; at most `limit`. */
export function findFields(bytes: Uint8Array, limit = 4000): WireField[] {
  const fields: WireField[] = [];
  collect(bytes, 0, bytes.length, 0, fields, limit);
  return fields;
}

function collect(
  bytes: Uint8Array,
  start: number,
  end: number,
  depth: number,
  fields: WireField[],
  limit: number,
): boolean {
  const before = fields.length;
  let position = start;
  while (position < end && fields.length < limit) {
    const field = readField(bytes, position, end, depth);
    if (field === undefined) {
      fields.length = before;
      return false;
    }
    fields.push(field);
    if (field.wireType === 2 && depth < 12) {
      collect(bytes, field.contentStart, field.end, depth + 1, fields, limit);
    }
    position = field.end;
  }
  return true;
}

function readField(
  bytes: Uint8Array,
  start: number,
  end: number,
  depth: number,
): WireField | undefined {
  const tag = readVarint(bytes, start, end);
  if (tag === undefined) return undefined;
  const [number, wireType] = [Math.floor(tag.value / 8), tag.value % 8];
  const value = wireType === 0 || wireType === 2 ? readVarint(bytes, tag.end, end) : undefined;
  const fieldEnd = ((): number | undefined => {
    if (wireType === 0) return value?.end;
    if (wireType === 2) return value === undefined ? undefined : value.end + value.value;
    if (wireType === 5) return tag.end + 4;
    return wireType === 1 ? tag.end + 8 : undefined;
  })();
  if (number === 0 || fieldEnd === undefined || fieldEnd > end) return undefined;
  const contentStart = wireType === 2 && value !== undefined ? value.end : tag.end;
  return { start, number, wireType, valueStart: tag.end, contentStart, end: fieldEnd, depth };
}

function readVarint(
  bytes: Uint8Array,
  start: number,
  end: number,
): { value: number; end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 10 && start + index < end; index++) {
    const byte = bytes[start + index] as number;
    value += (byte & 127) * 128 ** index;
    if (byte < 128) return { value, end: start + index + 1 };
  }
  return undefined;
}

/** A number below 2^64 as a varint. */
export function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) + 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}
