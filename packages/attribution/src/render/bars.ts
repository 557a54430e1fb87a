import type { AttributionResult } from '../result.js';
import { escapeMarkup, formatScore, formatShare } from './escape.js';
import { colorIndex } from './palette.js';

const rowHeight = 20;
const labelWidth = 150;
const barWidth = 340;
/** Width of the whole drawing, in SVG units. */
export const barsWidth = 640;

/**
 * Bars of the blocks' shares, the teacher's below the student's. Colors come from classes `block-0` … of the page.
 *
 * @returns An SVG group and its height.
 */
export function drawBars(
  student: AttributionResult,
  teacher: AttributionResult | null,
): { markup: string; height: number } {
  const parts: string[] = [];
  const shares = new Map(teacher?.blocks.map(({ name, share }) => [name, share]));
  let y = 0;
  for (const [index, { name, tokens, score, share }] of student.blocks.entries()) {
    const label = `${escapeMarkup(shortName(name))} · ${tokens} tokens`;
    parts.push(`<text class="ink" x="0" y="${y + 14}">${label}</text>`);
    parts.push(
      bar(y, share, `block-${colorIndex(index)}`, `${formatShare(share)} (${formatScore(score)})`),
    );
    y += rowHeight;
    if (teacher !== null) {
      const other = shares.get(name) ?? null;
      parts.push(
        `<text class="faint" x="${labelWidth - 8}" y="${y + 12}" text-anchor="end">teacher</text>`,
      );
      parts.push(bar(y, other, `block-${colorIndex(index)} half`, formatShare(other)));
      y += rowHeight;
    }
    y += 6;
  }
  return { markup: `<g class="bars">${parts.join('')}</g>`, height: y };
}

function bar(y: number, share: number | null, style: string, label: string): string {
  const width = ((share ?? 0) * barWidth).toFixed(1);
  return (
    `<rect class="${style}" x="${labelWidth}" y="${y + 3}" width="${width}" height="${rowHeight - 6}"/>` +
    `<text class="ink" x="${labelWidth + Number(width) + 6}" y="${y + 14}">${label}</text>`
  );
}

function shortName(name: string): string {
  return name.length > 16 ? `${name.slice(0, 15)}…` : name;
}
