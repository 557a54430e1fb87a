import type { AttributionResult } from '../result.js';
import { formatScore, formatShare, revealControls } from './escape.js';
import { describeDivergence, listFacts, titleOf } from './facts.js';
import { tokenText } from './html-matrix.js';
import { colorIndex, palette, shadeOf, shadeSteps } from './palette.js';
import { cutPrompt, largestPiece } from './prompt-pieces.js';
import type { RenderOptions } from './renderer.js';

/** Tokens beyond which the prompt is drawn in chunks. */
const mostPieces = 4000;
const barCharacters = 30;

/** Text for terminals with 24-bit color. Escape sequences inside the model's text are made visible, not obeyed. */
export function renderAnsi(
  result: AttributionResult,
  { teacher, title, color = true, width = 100 }: Omit<RenderOptions, 'format'>,
): string {
  const paint = (code: string, text: string): string =>
    color && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
  const lines = [paint('1', revealControls(titleOf(result, title)))];
  for (const [label, text] of listFacts(result))
    lines.push(`${paint('2', label.padEnd(13))}${revealControls(text)}`);
  const divergence = describeDivergence(result, teacher);
  if (divergence !== null) lines.push(revealControls(divergence));
  lines.push('', ...drawBlocks(), '', drawPrompt());
  if (result.perTarget !== null) lines.push('', ...drawMatrix());
  return `${lines.join('\n')}\n`;

  function drawBlocks(): string[] {
    const others = new Map(teacher?.blocks.map(({ name, share }) => [name, share]));
    return result.blocks.flatMap(({ name, score, share, tokens }, index) => {
      const label = revealControls(name).slice(0, 14).padEnd(15);
      const own = `${label}${bar(share, index)} ${formatShare(share)} (${formatScore(score)}, ${tokens} tokens)`;
      if (teacher === undefined) return [own];
      const other = others.get(name) ?? null;
      return [
        own,
        `${paint('2', '  teacher'.padEnd(15))}${bar(other, index)} ${formatShare(other)}`,
      ];
    });
  }

  function bar(share: number | null, block: number): string {
    const length = Math.round((share ?? 0) * barCharacters);
    return paint(foreground(block), '█'.repeat(length)) + '·'.repeat(barCharacters - length);
  }

  function drawPrompt(): string {
    const chunk = Math.ceil(result.tokens.scores.length / mostPieces);
    const pieces = cutPrompt(result, { chunk, longest: 400 });
    const largest = largestPiece(pieces);
    let column = 0;
    let text = '';
    for (const piece of pieces) {
      const shown = revealControls(piece.text);
      if (column + shown.length > width && column > 0) {
        text += '\n';
        column = 0;
      }
      const style = piece.block < 0 ? '2' : background(piece.block, shadeOf(piece.score, largest));
      const underline = piece.score < 0 ? ';4' : '';
      text += shown
        .split('\n')
        .map((part) => paint(style + underline, part))
        .join('\n');
      column = shown.includes('\n')
        ? shown.length - shown.lastIndexOf('\n') - 1
        : column + shown.length;
    }
    return text;
  }

  function drawMatrix(): string[] {
    const names = result.blocks
      .map(({ name }) => revealControls(name).slice(0, 9).padStart(10))
      .join('');
    const rows = (result.perTarget?.blocks ?? []).map((row, index) => {
      const cells = result.blocks
        .map((_, column) => formatScore(row?.[column] ?? null).padStart(10))
        .join('');
      return `${revealControls(tokenText(result.target, index)).slice(0, 23).padEnd(24)}${cells}`;
    });
    return [`${'completion token'.padEnd(24)}${names}`, ...rows];
  }
}

/** Sets the foreground to a block's color. */
function foreground(block: number): string {
  return `38;2;${channels(block).join(';')}`;
}

/** Light text on the block's color, darkened with the score's smallness, so that it reads on any terminal. */
function background(block: number, shade: number): string {
  const share = shade / shadeSteps;
  const mixed = channels(block).map((value) => Math.round(24 + share * 0.6 * (value - 24)));
  return `38;2;240;240;240;48;2;${mixed.join(';')}`;
}

function channels(block: number): number[] {
  const hex = palette[colorIndex(block)]?.dark ?? '#ffffff';
  return [1, 3, 5].map((start) => Number.parseInt(hex.slice(start, start + 2), 16));
}
