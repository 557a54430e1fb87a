import type { AttributionResult } from '../result.js';
import { largestMagnitude } from './palette.js';

/** A run of prompt tokens that is drawn as one: a token, a chunk of tokens, or the tokens of a picture. */
export interface PromptPiece {
  readonly text: string;
  /** Mean score of its tokens. */
  readonly score: number;
  /** Position of its block in the result; −1 for none. */
  readonly block: number;
  readonly firstToken: number;
  readonly count: number;
  readonly isImage: boolean;
}

/**
 * Cuts the prompt into pieces of at most `chunk` tokens of one block; the tokens of a picture are one piece.
 *
 * @param options.longest Characters kept of a piece's text; the middle of longer ones is left out.
 */
export function cutPrompt(
  result: AttributionResult,
  { chunk = 1, longest = Number.POSITIVE_INFINITY }: { chunk?: number; longest?: number } = {},
): PromptPiece[] {
  const { scores, blocks, texts } = result.tokens;
  const names = new Map(result.blocks.map(({ name }, index) => [name, index]));
  const pictures = (result.images ?? []).map(({ firstToken, rows, columns }) => ({
    firstToken,
    end: firstToken + rows * columns,
    rows,
    columns,
  }));
  const pieces: PromptPiece[] = [];
  for (let token = 0; token < scores.length; ) {
    const picture = pictures.find(({ firstToken }) => firstToken === token);
    const block = blocks[token] ?? null;
    let end = picture?.end ?? token + 1;
    while (
      picture === undefined &&
      end < scores.length &&
      end - token < chunk &&
      (blocks[end] ?? null) === block &&
      !pictures.some(({ firstToken }) => firstToken === end)
    )
      end++;
    let sum = 0;
    for (let index = token; index < end; index++) sum += scores[index]!;
    const text =
      picture === undefined
        ? Array.from(
            { length: end - token },
            (_, index) => texts?.[token + index] ?? `[${token + index}]`,
          ).join('')
        : `[image, ${picture.columns} × ${picture.rows} tokens]`;
    pieces.push({
      text: shorten(text, longest),
      score: sum / (end - token),
      block: block === null ? -1 : (names.get(block) ?? -1),
      firstToken: token,
      count: end - token,
      isImage: picture !== undefined,
    });
    token = end;
  }
  return pieces;
}

/** Largest magnitude among the pieces. */
export function largestPiece(pieces: readonly PromptPiece[]): number {
  return largestMagnitude(pieces.map(({ score }) => score));
}

function shorten(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const half = Math.max(1, Math.floor((longest - 1) / 2));
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}
