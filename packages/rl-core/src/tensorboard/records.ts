import type { RecordScanner } from '../runs/append-file.js';
import { maskedCrc32c } from './crc32c.js';
import { bytesField, doubleField, floatField, integerField } from './protobuf.js';

/** One value of a step. */
export type SummaryValue =
  | { readonly kind: 'scalar'; readonly tag: string; readonly value: number }
  | { readonly kind: 'text'; readonly tag: string; readonly text: string }
  | {
      readonly kind: 'image';
      readonly tag: string;
      /** PNG bytes. */
      readonly png: Uint8Array;
      readonly width: number;
      readonly height: number;
    };

const summary = {
  scalar: (value: { value: number }): Uint8Array => floatField(2, value.value),
  // Text is a tensor of strings that the plugin "text" shows: dtype 7 is DT_STRING, shape [1].
  text: (value: { text: string }): Uint8Array =>
    Buffer.concat([
      bytesField(9, bytesField(1, bytesField(1, 'text'))),
      bytesField(
        8,
        Buffer.concat([
          integerField(1, 7),
          bytesField(2, bytesField(2, integerField(1, 1))),
          bytesField(8, value.text),
        ]),
      ),
    ]),
  // Color space 4 is RGBA.
  image: (value: { png: Uint8Array; width: number; height: number }): Uint8Array =>
    bytesField(
      4,
      Buffer.concat([
        integerField(1, value.height),
        integerField(2, value.width),
        integerField(3, 4),
        bytesField(4, value.png),
      ]),
    ),
};

function encodeValue(value: SummaryValue): Uint8Array {
  const tagField = bytesField(1, value.tag);
  switch (value.kind) {
    case 'scalar':
      return Buffer.concat([tagField, summary.scalar(value)]);
    case 'text':
      return Buffer.concat([tagField, summary.text(value)]);
    case 'image':
      return Buffer.concat([tagField, summary.image(value)]);
  }
}

/** Length, CRC of the length, data, CRC of the data (TFRecord). */
function record(data: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  const crcs = Buffer.alloc(8);
  crcs.writeUInt32LE(maskedCrc32c(length), 0);
  crcs.writeUInt32LE(maskedCrc32c(data), 4);
  return Buffer.concat([length, crcs.subarray(0, 4), data, crcs.subarray(4)]);
}

/** The record that every event file begins with. `wallTime` in seconds since 1970. */
export function versionRecord(wallTime: number): Uint8Array {
  return record(Buffer.concat([doubleField(1, wallTime), bytesField(3, 'brain.Event:2')]));
}

/** One step's values as a record. */
export function summaryRecord(
  wallTime: number,
  step: number,
  values: readonly SummaryValue[],
): Uint8Array {
  const message = Buffer.concat(values.map((value) => bytesField(1, encodeValue(value))));
  return record(
    Buffer.concat([doubleField(1, wallTime), integerField(2, step), bytesField(5, message)]),
  );
}

/** Lengths of whole records; CRCs are left to readers. */
export const scanRecords: RecordScanner = (bytes, count) => {
  let end = 0;
  for (let k = 0; k < count; k += 1) {
    if (end + 12 > bytes.length) return null;
    end += 16 + Number(bytes.readBigUInt64LE(end));
    if (end > bytes.length) return null;
  }
  return end;
};
