import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fillRectangle, strokeRectangle, tintRectangles } from '../src/image/paint.js';
import {
  createRaster,
  decodeImage,
  encodePng,
  pixelAt,
  type Raster,
  rastersEqual,
  resizeRaster,
  toRgb,
} from '../src/index.js';
import { randomSource } from './support/random.js';

const file = (name: string): Uint8Array =>
  readFileSync(new URL(`fixtures/images/${name}`, import.meta.url));

/** The largest difference of any channel; JPEG is not exact. */
function distance(image: Raster, x: number, y: number, color: readonly number[]): number {
  return Math.max(...pixelAt(image, x, y).map((value, c) => Math.abs(value - (color[c] ?? 0))));
}
const RED = [200, 0, 0];
const BLUE = [0, 0, 200];

describe('decodeImage', () => {
  it.each([
    'plain.png',
    'plain.bmp',
    'animated.gif',
    'animated.webp',
    'animated.png',
    'wrong-extension.jpg',
    'cmyk.jpg',
  ])('reads %s, and the first frame of an animation', async (name) => {
    const image = await decodeImage(file(name));
    expect([image.width, image.height, image.channels]).toEqual([32, 16, 3]);
    expect(distance(image, 4, 4, RED)).toBeLessThanOrEqual(12);
    expect(distance(image, 24, 12, BLUE)).toBeLessThanOrEqual(12);
  });

  it.each([
    [1, 'top left'],
    [2, 'top right'],
    [3, 'bottom right'],
    [4, 'bottom left'],
    [5, 'top left'],
    [6, 'top right'],
    [7, 'bottom right'],
    [8, 'bottom left'],
  ])('turns EXIF orientation %i upright: red is at the %s', async (orientation, corner) => {
    const image = await decodeImage(file(`orientation-${orientation}.jpg`));
    const isTurned = orientation >= 5;
    expect([image.width, image.height]).toEqual(isTurned ? [16, 32] : [32, 16]);
    const x = corner.endsWith('left') ? 2 : image.width - 3;
    const y = corner.startsWith('top') ? 2 : image.height - 3;
    expect(distance(image, x, y, RED)).toBeLessThanOrEqual(12);
    expect(distance(image, image.width - 1 - x, image.height - 1 - y, BLUE)).toBeLessThanOrEqual(
      12,
    );
  });

  it('cuts 16 bits to 8', async () => {
    const image = await decodeImage(file('gray-16-bit.png'));
    // 128 · (32·8 + 16) = 34816, of 65535, is 135.5 of 255.
    expect(distance(image, 16, 8, [135, 135, 135])).toBeLessThanOrEqual(1);
  });

  it('keeps transparency, and shows it over white as RGB', async () => {
    const image = await decodeImage(file('alpha.png'));
    expect(image.channels).toBe(4);
    expect([...image.data.slice(3, 4), ...image.data.slice(4, 8)]).toEqual([0, 255, 0, 0, 128]);
    const flat = toRgb(image);
    expect(pixelAt(flat, 0, 0)).toEqual([255, 255, 255]);
    // 255·(128/255) + 255·(127/255) = 255 for red, 127 for the others.
    expect(pixelAt(flat, 1, 0)).toEqual([255, 127, 127]);
  });

  it.each([
    ['bomb.png', 'image-too-large', /60000×60000/],
    ['zero-width.png', 'bad-image', /no pixels/],
    ['cut-off.png', 'bad-image', /cut off/],
    ['cut-off.jpg', 'bad-image', /cut off/],
  ])('refuses %s with %s', async (name, code, message) => {
    await expect(decodeImage(file(name))).rejects.toMatchObject({
      name: 'VqaToolError',
      code,
      message: expect.stringMatching(message),
    });
  });

  it('refuses text, nothing, and a limit that is passed', async () => {
    const text = new TextEncoder().encode('https://example.org/image.png');
    await expect(decodeImage(text)).rejects.toMatchObject({ code: 'bad-image' });
    await expect(decodeImage(new Uint8Array(0))).rejects.toMatchObject({ code: 'bad-image' });
    await expect(decodeImage(file('plain.png'), { maxPixels: 511 })).rejects.toMatchObject({
      code: 'image-too-large',
    });
  });

  it('gives an image or a typed error for 2,000 damaged files', async () => {
    const random = randomSource(3);
    const names = [
      'plain.png',
      'orientation-6.jpg',
      'animated.gif',
      'animated.webp',
      'plain.bmp',
      'alpha.png',
    ];
    let refused = 0;
    for (let i = 0; i < 2000; i++) {
      const bytes = Uint8Array.from(file(random.pick(names)));
      for (let k = random.integer(8); k >= 0; k--)
        bytes[random.integer(bytes.length)] = random.integer(256);
      const end = random.integer(4) === 0 ? random.integer(bytes.length) : bytes.length;
      try {
        const { width, height, channels, data } = await decodeImage(bytes.subarray(0, end), {
          maxPixels: 1e6,
        });
        if (data.length !== width * height * channels) throw new Error('inconsistent image');
      } catch (error) {
        expect(error).toMatchObject({ name: 'VqaToolError' });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});

describe('encodePng', () => {
  it('gives files that decode to the same pixels, with and without alpha, twice the same bytes', async () => {
    const random = randomSource(9);
    for (const channels of [3, 4] as const) {
      const image = createRaster(37, 23, { channels });
      for (let i = 0; i < image.data.length; i++) image.data[i] = random.integer(256);
      // The canvas that decodes premultiplies, so only full and no alpha are exact there.
      if (channels === 4) for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
      image.data.set([0, 0, 0, 0].slice(0, channels), 0);
      const bytes = encodePng(image);
      expect(Buffer.compare(bytes, encodePng(image))).toBe(0);
      expect(rastersEqual(await decodeImage(bytes), image)).toBe(true);
    }
  });
});

describe('painting against Pillow', () => {
  interface Case {
    kind: 'fill' | 'outline' | 'composite';
    mode: 'RGB' | 'RGBA';
    box: [number, number, number, number];
    width: number;
    pixels: string;
  }
  const reference = JSON.parse(
    readFileSync(new URL('fixtures/rectangles.json', import.meta.url), 'utf8'),
  );
  const picture = (mode: 'RGB' | 'RGBA'): Raster => {
    const channels = mode === 'RGB' ? 3 : 4;
    const image = createRaster(reference.width, reference.height, { channels });
    for (let y = 0; y < image.height; y++) {
      for (let x = 0; x < image.width; x++) {
        const rgba = [10 * x, 14 * y, 255 - 5 * x - 5 * y, (x * 37 + y * 91) % 256];
        image.data.set(rgba.slice(0, channels), (y * image.width + x) * channels);
      }
    }
    return image;
  };
  it.each(['fill', 'outline', 'composite'])('%s agrees byte for byte', (kind) => {
    const cases: Case[] = reference.cases.filter((one: Case) => one.kind === kind);
    const wrong = cases.filter(({ mode, box: [x1, y1, x2, y2], width, pixels }) => {
      let image = picture(mode);
      if (kind === 'fill') fillRectangle(image, { x1, y1, x2, y2 }, [255, 255, 255]);
      else if (kind === 'outline')
        strokeRectangle(image, { x1, y1, x2, y2 }, { color: [255, 0, 0], width });
      else {
        image = tintRectangles(image, [{ x1, y1, x2, y2 }], [255, 0, 0, 50]);
      }
      return createHash('sha256').update(image.data).digest('hex') !== pixels;
    });
    expect(wrong).toEqual([]);
    expect(cases.length).toBeGreaterThan(100);
  });
});

describe('resizeRaster', () => {
  it('keeps a flat image flat and the mean of a picture when it shrinks by a whole factor', () => {
    const flat = resizeRaster(createRaster(7, 5, { color: [9, 99, 200] }), {
      width: 20,
      height: 3,
    });
    expect(pixelAt(flat, 19, 2)).toEqual([9, 99, 200]);
    const halves = createRaster(4, 1, { color: [0, 0, 0] });
    halves.data.set([200, 200, 200, 200, 200, 200], 6);
    const half = resizeRaster(halves, { width: 2, height: 1 });
    // Triangle of half-width 2 around 1 and 3, cut at the edges: weights (.75, .75, .25)/1.75.
    expect(pixelAt(half, 0, 0)[0]).toBe(Math.round((200 * 0.25) / 1.75));
    expect(pixelAt(half, 1, 0)[0]).toBe(Math.round((200 * 1.5) / 1.75));
  });
});
