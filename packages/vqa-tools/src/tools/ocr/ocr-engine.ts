import type { Box } from '../../boxes/box.js';
import type { Raster } from '../../image/raster.js';

/** One word that was read, with its box in pixels of the image and a confidence from 0 to 1. */
export interface OcrWord {
  readonly text: string;
  readonly box: Box;
  readonly confidence: number;
}

/** Reads the text of an image. Any engine can be handed to the `ocr` tool. */
export interface OcrEngine {
  /** Words in reading order. */
  read(image: Raster, options?: { readonly signal?: AbortSignal }): Promise<readonly OcrWord[]>;
}
