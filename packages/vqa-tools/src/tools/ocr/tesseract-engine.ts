import type { Raster } from '../../image/raster.js';
import type { OcrEngine, OcrWord } from './ocr-engine.js';

/** Placeholder until the engine is wired. */
export const tesseractEngine: OcrEngine = {
  async read(_image: Raster): Promise<readonly OcrWord[]> {
    return [];
  },
};
