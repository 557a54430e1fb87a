/** Writers for the few protocol-buffer fields that TensorBoard's events use. */

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return bytes;
}

const tag = (field: number, wireType: number): number[] => varint(BigInt((field << 3) | wireType));

/** An integer field. */
export function integerField(field: number, value: number): Uint8Array {
  return Uint8Array.from([...tag(field, 0), ...varint(BigInt(value))]);
}

/** A double field, 8 bytes whatever the value. */
export function doubleField(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Uint8Array.from([...tag(field, 1), ...bytes]);
}

/** A float field. */
export function floatField(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Uint8Array.from([...tag(field, 5), ...bytes]);
}

/** A field of bytes, text, or a message. */
export function bytesField(field: number, value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([
    Uint8Array.from([...tag(field, 2), ...varint(BigInt(bytes.length))]),
    bytes,
  ]);
}
