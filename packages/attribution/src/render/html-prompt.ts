import type { AttributionResult } from '../result.js';
import { escapeMarkup, formatScore } from './escape.js';
import { colorIndex, shadeOf } from './palette.js';
import { cutPrompt, largestPiece, type PromptPiece } from './prompt-pieces.js';

/** Bytes that the shaded prompt may take, so that the whole page stays below 300 KB. */
const budget = 180_000;

/** The prompt as shaded spans; long prompts in chunks of tokens, with a note saying so. */
export function drawPrompt(result: AttributionResult): { markup: string; note: string | null } {
  // Some 60 bytes a piece: more pieces than this cannot fit, so longer prompts start with larger chunks.
  const pieces = result.tokens.scores.length / (budget / 60);
  for (let chunk = 2 ** Math.ceil(Math.log2(Math.max(1, pieces))); ; chunk *= 2) {
    const longest = chunk === 1 ? Number.POSITIVE_INFINITY : Math.max(8, chunk * 8);
    const markup = drawPieces(cutPrompt(result, { chunk, longest }));
    const isSmall = Buffer.byteLength(markup) <= budget;
    if (isSmall)
      return {
        markup,
        note:
          chunk === 1
            ? null
            : `The prompt is long: up to ${chunk} tokens of a block are drawn as one, shaded by their mean, long texts shortened.`,
      };
    // One piece a block and still too long: there are more changes of block than can be drawn.
    if (chunk > result.tokens.scores.length)
      return { markup: '', note: 'The prompt is too long to be drawn.' };
  }
}

function drawPieces(pieces: readonly PromptPiece[]): string {
  const largest = largestPiece(pieces);
  return pieces
    .map(({ text, score, block, firstToken, count }) => {
      const color = block < 0 ? '' : ` b${colorIndex(block)}`;
      const style = `t${color} s${shadeOf(score, largest)}${score < 0 ? ' n' : ''}`;
      const place = count === 1 ? `${firstToken}` : `${firstToken}–${firstToken + count - 1}`;
      return `<span class="${style}" title="${place}: ${formatScore(score)}">${escapeMarkup(text)}</span>`;
    })
    .join('');
}
