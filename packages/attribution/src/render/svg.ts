import type { AttributionResult } from '../result.js';
import { barsWidth, drawBars } from './bars.js';
import { escapeMarkup } from './escape.js';
import { describeDivergence, titleOf } from './facts.js';
import { drawOverlay } from './overlay.js';
import { colorIndex, palette, shadeOf } from './palette.js';
import { cutPrompt, largestPiece } from './prompt-pieces.js';
import type { RenderOptions } from './renderer.js';

const margin = 20;
const lineHeight = 20;
/** Width of a monospaced character at 12 units, as browsers draw it. */
const characterWidth = 7.25;
const charactersPerLine = Math.floor(barsWidth / characterWidth);
/** Lines of prompt that a figure shows. */
const mostLines = 120;

/** A figure: blocks, prompt, pictures. */
export function renderSvg(
  result: AttributionResult,
  { teacher, title }: Omit<RenderOptions, 'format'>,
): string {
  const parts: string[] = [];
  let y = 24;
  parts.push(
    `<text class="ink title" x="0" y="${y}">${escapeMarkup(titleOf(result, title))}</text>`,
  );
  const divergence = describeDivergence(result, teacher);
  if (divergence !== null) {
    y += lineHeight;
    parts.push(`<text class="faint" x="0" y="${y}">${escapeMarkup(divergence)}</text>`);
  }
  y += 16;
  const bars = drawBars(result, teacher ?? null);
  parts.push(`<g transform="translate(0 ${y})">${bars.markup}</g>`);
  y += bars.height + 12;
  const prompt = drawLines(result);
  parts.push(`<g transform="translate(0 ${y})">${prompt.markup}</g>`);
  y += prompt.height + 12;
  for (const picture of (result.images ?? []).keys()) {
    const overlay = drawOverlay(result, picture);
    const scale = Math.min(1, barsWidth / overlay.width);
    parts.push(`<g transform="translate(0 ${y}) scale(${scale.toFixed(4)})">${overlay.markup}</g>`);
    y += overlay.height * scale + 12;
  }
  const [width, height] = [barsWidth + 2 * margin, Math.ceil(y) + 2 * margin];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"><title>${escapeMarkup(titleOf(result, title))}</title><style>${figureStyle()}</style><rect class="page" width="${width}" height="${height}"/><g transform="translate(${margin} ${margin})">${parts.join('')}</g></svg>
`;
}

function figureStyle(): string {
  const colors = (theme: 'light' | 'dark'): string =>
    palette.map((color, index) => `.block-${index}{fill:${color[theme]}}`).join('');
  const base =
    '.half{fill-opacity:.55}text{font:13px system-ui,sans-serif}.mono{font:12px ui-monospace,monospace;white-space:pre}.title{font-weight:600;font-size:16px}';
  const light =
    '.page{fill:#fff}.panel{fill:#f3f5f7}.ink{fill:#1b1f24}.faint{fill:#59636e}.positive{fill:#0b57d0}.negative{fill:#b3261e}';
  const dark =
    '.page{fill:#0f1216}.panel{fill:#1a1f26}.ink{fill:#e6e9ee}.faint{fill:#a0a9b4}.positive{fill:#6aa5ff}.negative{fill:#ff8a80}';
  return `${base}${light}${colors('light')}@media(prefers-color-scheme:dark){${dark}${colors('dark')}}`;
}

/** The prompt in lines of monospaced text, each piece over a rectangle in its block's color. */
function drawLines(result: AttributionResult): { markup: string; height: number } {
  const pieces = cutPrompt(result, {
    chunk: result.tokens.scores.length > 3000 ? 16 : 1,
    longest: 400,
  });
  const largest = largestPiece(pieces);
  const parts: string[] = [];
  let [line, column] = [0, 0];
  for (const { text, score, block } of pieces) {
    const opacity = (shadeOf(score, largest) * 0.06).toFixed(2);
    for (const [index, row] of text.split('\n').entries()) {
      if (index > 0) [line, column] = [line + 1, 0];
      for (let rest = row; rest.length > 0 && line < mostLines; ) {
        const room = charactersPerLine - column;
        const part = rest.slice(0, room);
        rest = rest.slice(room);
        const [x, y] = [(column * characterWidth).toFixed(1), line * lineHeight];
        const length = (part.length * characterWidth).toFixed(1);
        if (block >= 0) {
          parts.push(
            `<rect class="block-${colorIndex(block)}" x="${x}" y="${y}" width="${length}" height="${lineHeight - 3}" fill-opacity="${opacity}"/>`,
          );
        }
        parts.push(
          `<text class="ink mono" x="${x}" y="${y + 13}" textLength="${length}" xml:space="preserve">${escapeMarkup(part)}</text>`,
        );
        column += part.length;
        if (column >= charactersPerLine) [line, column] = [line + 1, 0];
      }
    }
  }
  if (line >= mostLines)
    parts.push(`<text class="faint" x="0" y="${mostLines * lineHeight + 13}">…</text>`);
  return { markup: parts.join(''), height: (Math.min(line, mostLines) + 1) * lineHeight };
}
