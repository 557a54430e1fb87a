import { crc32, deflateSync } from 'node:zlib';
import type { Raster } from './raster.js';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/**
 * A PNG file of the image: 8 bits, RGB or RGBA, no extra chunks, so that the same pixels always
 * give the same bytes (with one version of zlib).
 */
export function encodePng(image: Raster): Uint8Array {
  const { width, height, channels, data } = image;
  const stride = width * channels;
  const lines = Buffer.alloc((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    // The filter "up" costs one subtraction a byte and halves the size of charts and tables.
    const to = y * (stride + 1);
    lines[to] = y === 0 ? 0 : 2;
    for (let i = 0; i < stride; i++) {
      const above = y === 0 ? 0 : (data[(y - 1) * stride + i] ?? 0);
      lines[to + 1 + i] = ((data[y * stride + i] ?? 0) - above) & 0xff;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = channels === 4 ? 6 : 2;
  const body = deflateSync(lines, { level: 6 });
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', body),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, body: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const frame = Buffer.alloc(typed.length + 8);
  frame.writeUInt32BE(body.length, 0);
  typed.copy(frame, 4);
  frame.writeUInt32BE(crc32(typed), typed.length + 4);
  return frame;
}
