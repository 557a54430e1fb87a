import type { AttributionResult } from '../result.js';
import { escapeMarkup, formatScore } from './escape.js';
import { colorIndex, largestMagnitude, shadeOf } from './palette.js';

/** Rows and columns that are drawn; more would not be read, and would break the page's size limit. */
const mostRows = 200;
const mostColumns = 16;

/** Completion tokens down, blocks across, shaded by score. */
export function drawBlockMatrix(result: AttributionResult): string {
  const { perTarget, target, blocks } = result;
  if (perTarget === null) return '';
  const shown = blocks.slice(0, mostColumns);
  const largest = largestMagnitude(perTarget.blocks.flatMap((row) => row ?? []));
  const head = shown.map(({ name }) => `<th scope="col">${escapeMarkup(name)}</th>`).join('');
  const rows = perTarget.blocks.slice(0, mostRows).map((row, index) => {
    const cells = shown.map((_, column) => {
      const score = row?.[column] ?? null;
      const style =
        score === null ? '' : ` class="b${colorIndex(column)} s${shadeOf(score, largest)}"`;
      return `<td${style}>${formatScore(score)}</td>`;
    });
    return `<tr><th scope="row" class="mono">${escapeMarkup(tokenText(target, index))}</th>${cells.join('')}</tr>`;
  });
  const rest = perTarget.blocks.length - rows.length;
  const more = rest > 0 ? `<p>${rest} more completion tokens are not drawn.</p>` : '';
  return `<div class="scroll" tabindex="0" role="region" aria-label="Score of each block for each completion token"><table><thead><tr><th scope="col">Completion token</th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>${more}`;
}

/** The tokens with the largest scores, for readers who cannot or will not hover. */
export function drawTopTokens(result: AttributionResult, count = 25): string {
  const { scores, blocks, texts } = result.tokens;
  const order = scores
    .map((_, index) => index)
    .sort((left, right) => Math.abs(scores[right]!) - Math.abs(scores[left]!))
    .slice(0, count);
  const rows = order.map((token) => {
    const text = JSON.stringify((texts?.[token] ?? `[${token}]`).slice(0, 60));
    return `<tr><td class="mono">${escapeMarkup(text)}</td><td>${escapeMarkup(blocks[token] ?? '–')}</td><td>${token}</td><td>${formatScore(scores[token]!)}</td></tr>`;
  });
  return `<table><thead><tr><th scope="col">Token</th><th scope="col">Block</th><th scope="col">Position</th><th scope="col">Score</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

/** Text of a completion token, quoted so that white space shows. */
export function tokenText(target: AttributionResult['target'], index: number): string {
  const text = target.completionTokens?.[index];
  if (text !== undefined) return JSON.stringify(text.slice(0, 40));
  const ids = [...target.completion, ...(target.contrast ?? [])];
  return index < target.completion.length ? `id ${ids[index]}` : `contrast id ${ids[index]}`;
}
