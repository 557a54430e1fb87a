import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Reading run folders in tests, with code of its own where it checks the package's. */

/** CRC-32C bit by bit, without a table: another way than the package's. */
export function bitwiseCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit += 1) {
      const feedback = ((crc ^ (byte >>> bit)) & 1) === 1;
      crc = feedback ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
  }
  return ~crc >>> 0;
}

function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

/** Data of each TFRecord, its CRCs checked. Throws on anything that is not a whole valid record. */
export function readRecords(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const header = bytes.subarray(at, at + 8);
    const length = Number(header.readBigUInt64LE(0));
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (unmask(bytes.readUInt32LE(at + 8)) !== bitwiseCrc32c(header))
      throw new Error(`CRC at ${at}`);
    if (unmask(bytes.readUInt32LE(at + 12 + length)) !== bitwiseCrc32c(data)) {
      throw new Error(`CRC of the data at ${at}`);
    }
    records.push(data);
    at += 16 + length;
  }
  return records;
}

/** An event record without its time, which is the first field: a tag byte and 8 bytes. */
function withoutTime(record: Buffer): string {
  if (record[0] !== 0x09) throw new Error('the first field is not wall_time');
  return record.subarray(9).toString('hex');
}

function withoutClock(line: string): string {
  // Each line is an object that the trainer wrote.
  const { clock, ...event } = JSON.parse(line) as Record<string, unknown>;
  if (clock === undefined) throw new Error('an event without clock');
  return JSON.stringify(event);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/**
 * Every file of a run as text that does not depend on when it ran: events without their clock, TensorBoard records
 * without their time, everything else byte for byte. `sessions.jsonl` tells the sessions apart by purpose.
 */
export function contentOf(folder: string): Record<string, string> {
  const contents: Record<string, string> = {};
  for (const name of filesBelow(folder)) {
    if (name === 'sessions.jsonl') continue;
    const bytes = readFileSync(join(folder, name));
    if (name === 'events.jsonl') {
      const lines = bytes.toString().split('\n');
      if (lines.pop() !== '') throw new Error('events.jsonl ends in half a line');
      contents[name] = lines.map(withoutClock).join('\n');
    } else if (name.includes('tfevents')) {
      contents[name] = readRecords(bytes).map(withoutTime).join('\n');
    } else contents[name] = bytes.toString('hex');
  }
  return contents;
}
