import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { messageOf, VqaToolError } from '../../errors.js';
import { encodePng } from '../../image/encode-png.js';
import type { Raster } from '../../image/raster.js';
import { resizeRaster } from '../../image/resize.js';
import { clearSolidAreas } from './clear-solid-areas.js';
import type { OcrEngine, OcrWord } from './ocr-engine.js';

/** Labels of charts are 10 to 14 pixels high; Tesseract wants about 30. */
const ENLARGEMENT = 2;
/** Above this, enlarging only costs time. */
const MAX_ENLARGED_PIXELS = 8_000_000;
/** Words below this confidence (0 to 1) are specks, ticks and bar corners read as letters. */
const MIN_CONFIDENCE = 0.3;

/** The part of tesseract.js that is used here; the package is an optional peer without being typed. */
interface TesseractModule {
  createWorker(
    language: string,
    engineMode: number,
    options: { langPath: string; gzip: boolean; cacheMethod: 'none'; errorHandler: () => void },
  ): Promise<TesseractWorker>;
}

interface TesseractWorker {
  /** A worker thread in Node. */
  readonly worker?: { ref?(): void; unref?(): void };
  setParameters(parameters: Readonly<Record<string, string>>): Promise<unknown>;
  recognize(
    image: Buffer,
    options: object,
    output: { text: boolean; blocks: boolean },
  ): Promise<{ data: { blocks: readonly TesseractBlock[] | null } }>;
  terminate(): Promise<unknown>;
}

interface TesseractBlock {
  readonly paragraphs: readonly {
    readonly lines: readonly {
      readonly words: readonly {
        readonly text: string;
        readonly confidence: number;
        readonly bbox: { x0: number; y0: number; x1: number; y1: number };
      }[];
    }[];
  }[];
}

/** An engine that owns a worker thread; it ends with `dispose`. */
export interface TesseractEngine extends OcrEngine {
  dispose(): Promise<void>;
}

/**
 * Tesseract 5 (tesseract.js) with the English model of `@tesseract.js-data/eng`: everything comes
 * from the two packages, nothing is fetched. Both are optional peers, loaded on the first `read`.
 * The worker thread does not keep the process alive.
 *
 * @throws {VqaToolError} From `read`: `missing-package` where a package is not installed.
 */
export function createTesseractEngine(): TesseractEngine {
  let starting: Promise<TesseractWorker> | null = null;
  return {
    async read(image, { signal } = {}): Promise<readonly OcrWord[]> {
      signal?.throwIfAborted();
      starting ??= startWorker();
      const worker = await starting.catch((error: unknown) => {
        starting = null;
        throw error;
      });
      worker.worker?.ref?.();
      try {
        return await readWords(worker, image);
      } finally {
        worker.worker?.unref?.();
      }
    },
    async dispose(): Promise<void> {
      const worker = await starting;
      starting = null;
      await worker?.terminate();
    },
  };
}

/** The engine that the `ocr` tool uses where none is given; its worker is shared and started once. */
export const tesseractEngine: TesseractEngine = createTesseractEngine();

async function startWorker(): Promise<TesseractWorker> {
  const { tesseract, langPath } = await loadPackages();
  const worker = await tesseract.createWorker('eng', 1, {
    langPath,
    gzip: true,
    cacheMethod: 'none',
    // Failures reject the call that met them; without this they would also end the process.
    errorHandler: () => {},
  });
  // 6, one block of text, reads single digits and letters, which 11 (sparse text) passes over:
  // 92 % against 86 % of the labels of the test. The resolution spares a warning on the console.
  await worker.setParameters({ tessedit_pageseg_mode: '6', user_defined_dpi: '150' });
  return worker;
}

async function loadPackages(): Promise<{ tesseract: TesseractModule; langPath: string }> {
  try {
    const { resolve } = createRequire(import.meta.url);
    const data = dirname(resolve('@tesseract.js-data/eng/package.json'));
    const name = 'tesseract.js';
    const loaded: { default?: TesseractModule } & Partial<TesseractModule> = await import(name);
    const { createWorker } = loaded.default ?? loaded;
    if (createWorker === undefined) throw new Error('tesseract.js has no createWorker');
    return { tesseract: { createWorker }, langPath: join(data, '4.0.0_best_int') };
  } catch (cause) {
    throw new VqaToolError(
      'missing-package',
      `OCR needs two packages: npm install tesseract.js@7 @tesseract.js-data/eng@1, or give the context an \`ocr\` engine. (${messageOf(cause)})`,
      { cause },
    );
  }
}

async function readWords(worker: TesseractWorker, image: Raster): Promise<readonly OcrWord[]> {
  const fits = image.width * image.height * ENLARGEMENT ** 2 <= MAX_ENLARGED_PIXELS;
  const scale = fits ? ENLARGEMENT : 1;
  const size = { width: image.width * scale, height: image.height * scale };
  const clear = clearSolidAreas(image);
  const enlarged = scale === 1 ? clear : resizeRaster(clear, size);
  const { data } = await worker.recognize(
    Buffer.from(encodePng(enlarged)),
    {},
    { text: true, blocks: true },
  );
  const words = (data.blocks ?? [])
    .flatMap(({ paragraphs }) => paragraphs)
    .flatMap(({ lines }) => lines)
    .flatMap((line) => line.words);
  return words
    .map(({ text, confidence, bbox }) => ({
      text,
      confidence: confidence / 100,
      box: { x1: bbox.x0 / scale, y1: bbox.y0 / scale, x2: bbox.x1 / scale, y2: bbox.y1 / scale },
    }))
    .filter(({ text, confidence }) => confidence >= MIN_CONFIDENCE && text.trim() !== '');
}
