import { createHash } from 'node:crypto';
import { z } from 'zod';
import { VqaToolError } from '../errors.js';
import { decodeImage } from '../image/decode.js';
import { encodePng } from '../image/encode-png.js';
import type { Raster } from '../image/raster.js';
import type { Trajectory } from './trajectory.js';

/** A trajectory as JSON-safe data: images are PNG files in base64 with the hash of their pixels. */
export type SavedTrajectory = Omit<Trajectory, 'images'> & {
  readonly images: readonly SavedImage[];
};

/** One image of a saved trajectory. */
export interface SavedImage {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  /** SHA-256 of the pixels, in hexadecimal. */
  readonly sha256: string;
  readonly png: string;
}

/** The trajectory for `JSON.stringify`. The same trajectory gives the same text. */
export function saveTrajectory(trajectory: Trajectory): SavedTrajectory {
  return {
    ...trajectory,
    images: trajectory.images.map((image) => ({
      width: image.width,
      height: image.height,
      channels: image.channels,
      sha256: hashPixels(image),
      png: Buffer.from(encodePng(image)).toString('base64'),
    })),
  };
}

const savedSchema = z.looseObject({
  version: z.literal(1),
  taskId: z.string(),
  seed: z.number(),
  end: z.enum(['answer', 'max-turns', 'max-tokens', 'time-limit']),
  turns: z.array(z.looseObject({ turn: z.number(), text: z.string() })),
  segments: z.array(
    z.looseObject({
      author: z.enum(['model', 'tool']),
      tokenIds: z.array(z.number().int()),
      logprobs: z.array(z.number()),
      mask: z.array(z.union([z.literal(0), z.literal(1)])),
    }),
  ),
  images: z.array(
    z.object({
      width: z.number().int().min(1),
      height: z.number().int().min(1),
      channels: z.union([z.literal(3), z.literal(4)]),
      sha256: z.string(),
      png: z.string(),
    }),
  ),
});

/**
 * Reads what {@link saveTrajectory} made.
 * @throws {VqaToolError} `bad-row` if it is no trajectory, `bad-image` if an image's hash differs.
 */
export async function loadTrajectory(saved: unknown): Promise<Trajectory> {
  const parsed = savedSchema.safeParse(saved);
  if (!parsed.success) {
    throw new VqaToolError('bad-row', `Not a saved trajectory: ${z.prettifyError(parsed.error)}`, {
      cause: parsed.error,
    });
  }
  for (const { tokenIds, logprobs, mask } of parsed.data.segments) {
    if (tokenIds.length !== logprobs.length || tokenIds.length !== mask.length) {
      throw new VqaToolError(
        'bad-row',
        'A segment has unequal numbers of tokens, log-probs and mask values.',
      );
    }
  }
  const images = await Promise.all(
    parsed.data.images.map(async ({ png, sha256, channels }) => {
      const decoded = await decodeImage(Buffer.from(png, 'base64'));
      const image = channels === decoded.channels ? decoded : withAlpha(decoded);
      if (hashPixels(image) !== sha256) {
        throw new VqaToolError('bad-image', 'An image of the trajectory differs from its hash.');
      }
      return image;
    }),
  );
  // The schema has checked what this package relies on; the rest is carried as it was saved.
  return { ...(parsed.data as unknown as SavedTrajectory), images };
}

/** SHA-256 of an image's size, channels and pixels. */
export function hashPixels(image: Raster): string {
  return createHash('sha256')
    .update(`${image.width} ${image.height} ${image.channels} `)
    .update(image.data)
    .digest('hex');
}

/** An opaque RGBA image comes back from its file as RGB. */
function withAlpha({ width, height, data }: Raster): Raster {
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    rgba.set(data.subarray(from, from + 3), to);
  }
  return { width, height, channels: 4, data: rgba };
}
