import type { ImageMetadata } from '../boxes/metadata.js';
import type { WritableExample } from '../data/example.js';
import { encodePng } from '../image/encode-png.js';
import type { Raster } from '../image/raster.js';

/** A question about a rendered table or chart, with its exact answer. */
export interface RenderedQuestion {
  readonly id: string;
  readonly tableId: string;
  readonly kind: 'chart' | 'table';
  readonly question: string;
  readonly answers: readonly string[];
  /** The name of the scorer that fits the answers. */
  readonly scorer: 'wikitablequestions' | 'tabfact' | 'chartqa';
  readonly split: string;
  readonly image: Raster;
  readonly metadata: ImageMetadata;
}

/** A question in the form that `writeDataset` takes. */
export function toWritableExample(question: RenderedQuestion): WritableExample {
  const { id, tableId, question: text, answers, split, image, metadata } = question;
  const path = `${id.replace(/[^\w.-]+/g, '_')}.png`;
  return {
    id,
    tableId,
    question: text,
    answers,
    split,
    metadata,
    images: [{ bytes: encodePng(image), path }],
  };
}

/** A seed for one item: the same for the same parts, on every machine. */
export function seedFor(seed: number, ...parts: readonly string[]): number {
  // FNV-1a over UTF-16 code units; only its spread matters.
  let hash = 0x811c9dc5 ^ seed;
  for (const character of parts.join('\n')) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return hash | 0;
}
