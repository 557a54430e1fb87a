import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { VlmError } from '../errors.js';
import type { ImageInput } from '../types/message.js';
import { openImage } from './read-image.js';
import type { RgbImage } from './rgb-image.js';

const folder = mkdtempSync(join(tmpdir(), 'read-image-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** 3 x 2 pixels, of six colors. */
const pixels = Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7, 250, 128, 3, 64, 64, 64]);
const raw = { width: 3, height: 2, channels: 3 } as const;

const encode = (): Sharp => sharp(pixels, { raw });

async function read(input: ImageInput): Promise<RgbImage> {
  return (await openImage(input, 'Image 1')).pixels();
}

async function refusal(input: ImageInput): Promise<VlmError> {
  const error: unknown = await read(input).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof VlmError) return error;
  throw new Error(`expected a VlmError, got ${String(error)}`);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

/** A gray PNG whose header says any size, over the given pixels. */
function png(width: number, height: number, data: Uint8Array): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(data)),
    chunk('IEND', new Uint8Array()),
  ]);
}

describe('openImage reads', () => {
  it('pixels, opaque RGBA among them', async () => {
    expect(await read({ ...raw, data: pixels })).toEqual({ width: 3, height: 2, data: pixels });
    const rgba = await encode().ensureAlpha().raw().toBuffer();
    expect((await read({ width: 3, height: 2, channels: 4, data: rgba })).data).toEqual(pixels);
  });

  it('bytes, paths, file URLs and data URLs', async () => {
    const bytes = await encode().png().toBuffer();
    const path = join(folder, 'a picture.png');
    writeFileSync(path, bytes);
    const url = `data:image/png;base64,${bytes.toString('base64')}`;
    for (const input of [bytes, path, pathToFileURL(path), pathToFileURL(path).href, url])
      expect((await read(input)).data).toEqual(pixels);
  });

  it.each(['gif', 'tiff', 'webp'] as const)('a still %s', async (format) => {
    const bytes = await encode().toFormat(format, { lossless: true }).toBuffer();
    const image = await openImage(bytes, 'Image 1');
    expect(image).toMatchObject({ width: 3, height: 2 });
    expect((await image.pixels()).data.length).toBe(18);
  });

  it('gray and 16-bit pictures as 8-bit RGB', async () => {
    const gray = png(2, 2, Uint8Array.from([0, 7, 200, 0, 1, 255]));
    expect([...(await read(gray)).data]).toEqual([7, 7, 7, 200, 200, 200, 1, 1, 1, 255, 255, 255]);
    const deep = await encode().toColorspace('rgb16').png().toBuffer();
    expect((await read(deep)).data).toEqual(pixels);
  });

  it('pictures upright, as their EXIF orientation says', async () => {
    const turned = await encode().withMetadata({ orientation: 6 }).png().toBuffer();
    const image = await openImage(turned, 'Image 1');
    expect(image).toMatchObject({ width: 2, height: 3 });
    const expected = await encode().rotate(90).raw().toBuffer();
    expect(Buffer.from((await image.pixels()).data)).toEqual(expected);
  });

  it('colors as they are stored, whatever the profile', async () => {
    const tagged = await encode().withIccProfile('p3').png().toBuffer();
    const stored = await sharp(tagged, { ignoreIcc: true }).raw().toBuffer();
    expect(Buffer.from((await read(tagged)).data)).toEqual(stored);
  });
});

describe('openImage refuses', () => {
  it.each([
    [{ width: 0, height: 5, channels: 3, data: new Uint8Array() }, /0 x 5/],
    [{ width: 1, height: 1, channels: 3, data: new Uint8Array(3) }, /single pixel/],
    [{ width: 1.5, height: 2, channels: 3, data: new Uint8Array(9) }, /1\.5 x 2/],
    [{ width: 20_000, height: 20_000, channels: 3, data: new Uint8Array(3) }, /make it smaller/],
    [{ width: 2, height: 2, channels: 3, data: new Uint8Array(13) }, /13 bytes/],
  ] as const)('pixels of the wrong size: %#', async (input, message) => {
    const error = await refusal(input);
    expect(error.code).toBe('image');
    expect(error.message).toMatch(message);
  });

  it('files that say they are too large, before they are decoded', async () => {
    const bomb = png(20_000, 20_000, new Uint8Array(1000));
    await expect(openImage(bomb, 'Image 1')).rejects.toMatchObject({ code: 'image' });
    await expect(openImage(bomb, 'Image 1')).rejects.toThrow(/Image 1 is 20000 x 20000 pixels/);
    await expect(openImage(png(1, 1, new Uint8Array(2)), 'Image 1')).rejects.toThrow(
      /single pixel/,
    );
    await expect(openImage(png(0, 4, new Uint8Array(2)), 'Image 1')).rejects.toThrow(VlmError);
  });

  it('CMYK, animations and SVG, before they are decoded', async () => {
    const cmyk = await encode().toColorspace('cmyk').jpeg().toBuffer();
    await expect(openImage(cmyk, 'Image 1')).rejects.toThrow(/CMYK.*convert it to RGB/);
    const frames = [await encode().png().toBuffer(), await encode().negate().png().toBuffer()];
    const animated = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    await expect(openImage(animated, 'Image 1')).rejects.toThrow(/2 frames.*choose one/);
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(openImage(svg, 'Image 1')).rejects.toThrow(/format "svg"/);
  });

  it('pictures that are partly transparent', async () => {
    const clear = await encode().ensureAlpha(0.5).png().toBuffer();
    expect((await refusal(clear)).message).toMatch(/partly transparent: flatten it/);
    const data = new Uint8Array(16).fill(255);
    data[7] = 254;
    expect((await refusal({ width: 2, height: 2, channels: 4, data })).code).toBe('image');
  });

  it('what cannot be read', async () => {
    const whole = readFileSync(
      new URL('../../../../fixtures/models/qwen2_5_vl/chart.png', import.meta.url),
    );
    const cut = whole.subarray(0, whole.length - 200);
    const damaged = png(64, 64, new Uint8Array(1000));
    const inputs: readonly ImageInput[] = [
      Buffer.from('no picture'),
      new Uint8Array(),
      cut,
      damaged,
      join(folder, 'missing.png'),
      folder,
      'https://example.com/a.png',
      'data:image/png',
      'data:image/png,abc',
      'data:image/png;base64,AAAA',
      'file:///%00',
    ];
    for (const input of inputs) expect((await refusal(input)).code, String(input)).toBe('image');
  });
});
