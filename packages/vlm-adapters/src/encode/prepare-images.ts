import { createHash } from 'node:crypto';
import type { ImagePlan, ImageProcessor } from '../families/family.js';
import { type OpenedImage, openImage } from '../images/read-image.js';
import type { ImageInput } from '../types/message.js';
import type { PlainTensor, PreparedImage } from '../types/prompt.js';

/** Pictures that were opened and measured, and what becomes of them. */
export interface PlannedImages {
  readonly opened: readonly OpenedImage[];
  readonly plans: readonly ImagePlan[];
}

/** Measures pictures and plans what becomes of them; no pixel is decoded. */
export async function planImages(
  inputs: readonly ImageInput[],
  processor: ImageProcessor,
): Promise<PlannedImages> {
  const opened: OpenedImage[] = [];
  const plans: ImagePlan[] = [];
  for (const [index, input] of inputs.entries()) {
    const name = `Image ${index + 1}`;
    const image = await openImage(input, name);
    opened.push(image);
    plans.push(processor.plan({ width: image.width, height: image.height }, name));
  }
  return { opened, plans };
}

/**
 * Decodes and processes pictures.
 *
 * @param imageTokens Placeholder tokens of each picture, counted from `offset`.
 */
export async function prepareImages(
  { opened, plans }: PlannedImages,
  imageTokens: readonly Int32Array[],
  offset: number,
): Promise<PreparedImage[]> {
  const prepared: PreparedImage[] = [];
  // One after the other: a large picture takes much memory while it is resized.
  for (const [index, { width, height, pixels }] of opened.entries()) {
    const feeds = plans[index]?.process(await pixels()) ?? {};
    const tokens = (imageTokens[index] ?? new Int32Array()).map((token) => token + offset);
    const grid = plans[index]?.grid ?? null;
    prepared.push({ width, height, feeds, tokens, grid, hash: hashOf(feeds) });
  }
  return prepared;
}

function hashOf(feeds: Readonly<Record<string, PlainTensor>>): string {
  const hash = createHash('sha256');
  for (const [name, { type, dims, data }] of Object.entries(feeds)) {
    hash.update(JSON.stringify([name, type, dims]));
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}
