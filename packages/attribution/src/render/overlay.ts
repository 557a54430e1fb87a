import type { AttributionResult } from '../result.js';
import { escapeMarkup, safeImageUrl } from './escape.js';
import { largestMagnitude } from './palette.js';

/** Width of a picture in SVG units; its tokens are squares of at most a tenth of it. */
const pictureWidth = 480;

/** One picture with its tokens shaded over it: `positive` where they spoke for the call, `negative` against. */
export function drawOverlay(
  result: AttributionResult,
  picture: number,
): { markup: string; width: number; height: number } {
  const image = result.images?.[picture];
  if (image === undefined) return { markup: '', width: 0, height: 0 };
  const { firstToken, rows, columns } = image;
  const cell = Math.min(pictureWidth / 10, pictureWidth / columns);
  const [width, height] = [columns * cell, rows * cell];
  const scores = result.tokens.scores.slice(firstToken, firstToken + rows * columns);
  const largest = largestMagnitude(scores);
  const url = safeImageUrl(image.dataUrl);
  const under =
    url === null
      ? `<rect class="panel" width="${width}" height="${height}"/>`
      : `<image href="${escapeMarkup(url)}" width="${width}" height="${height}" preserveAspectRatio="none"/>`;
  const patches = scores.map((score, index) => {
    const opacity = largest === 0 ? 0 : (0.75 * Math.abs(score)) / largest;
    if (opacity < 0.01) return '';
    const x = (index % columns) * cell;
    const y = Math.floor(index / columns) * cell;
    return `<rect class="${score < 0 ? 'negative' : 'positive'}" x="${rounded(x)}" y="${rounded(y)}" width="${rounded(cell)}" height="${rounded(cell)}" fill-opacity="${opacity.toFixed(2)}"/>`;
  });
  return { markup: under + patches.join(''), width, height };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
