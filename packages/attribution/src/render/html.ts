import { createHash } from 'node:crypto';
import type { AttributionResult } from '../result.js';
import { barsWidth, drawBars } from './bars.js';
import { escapeMarkup } from './escape.js';
import { describeDivergence, listFacts, titleOf } from './facts.js';
import { drawBlockMatrix, drawTopTokens } from './html-matrix.js';
import { drawPrompt } from './html-prompt.js';
import { pageStyle } from './html-style.js';
import { drawOverlay } from './overlay.js';
import { colorIndex } from './palette.js';
import type { RenderOptions } from './renderer.js';

/** One self-contained page without scripts; its policy allows nothing but its own style sheet and `data:` pictures. */
export function renderHtml(
  result: AttributionResult,
  { teacher, title }: Omit<RenderOptions, 'format'>,
): string {
  const style = pageStyle();
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'`;
  const heading = escapeMarkup(titleOf(result, title));
  const sections = [
    `<h1>${heading}</h1>`,
    drawWarning(result),
    `<dl>${listFacts(result)
      .map(([label, text]) => `<dt>${label}</dt><dd>${escapeMarkup(text)}</dd>`)
      .join('')}</dl>`,
    drawCall(result),
    drawBlocks(result, teacher),
    drawPromptSection(result),
    ...(result.images ?? []).map((_, picture) => drawPicture(result, picture)),
    result.perTarget === null
      ? ''
      : `<h2>Blocks for each completion token</h2>${drawBlockMatrix(result)}`,
    `<details><summary>Tokens with the largest scores</summary><div class="scroll" tabindex="0" role="region" aria-label="Tokens with the largest scores">${drawTopTokens(result)}</div></details>`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${heading}</title><link rel="icon" href="data:,"><style>${style}</style></head>
<body><main>${sections.join('\n')}</main></body></html>
`;
}

function drawWarning({ degenerate, completeness }: AttributionResult): string {
  const reasons = [
    ...(degenerate === null ? [] : [`The distribution is degenerate: ${degenerate}.`]),
    ...(completeness?.converged === false
      ? ['The scores do not add up within the tolerance.']
      : []),
  ];
  if (reasons.length === 0) return '';
  return `<p class="warning" role="note">${escapeMarkup(reasons.join(' '))} Do not read the shares as a measurement.</p>`;
}

function drawCall({ target }: AttributionResult): string {
  const text =
    target.completionTokens?.join('') ?? `ids ${target.completion.slice(0, 200).join(' ')}`;
  return `<h2>Explained completion</h2><div class="prompt" tabindex="0" role="region" aria-label="Explained completion">${escapeMarkup(text.slice(0, 8000))}</div>`;
}

function drawBlocks(result: AttributionResult, teacher: AttributionResult | undefined): string {
  const { markup, height } = drawBars(result, teacher ?? null);
  const divergence = describeDivergence(result, teacher);
  const line = divergence === null ? '' : `<p>${escapeMarkup(divergence)}</p>`;
  return `<h2>Blocks</h2>${line}<svg viewBox="0 0 ${barsWidth} ${height}" width="${barsWidth}" height="${height}" role="img" aria-label="Share of each block">${markup}</svg>`;
}

function drawPromptSection(result: AttributionResult): string {
  const { markup, note } = drawPrompt(result);
  const legend = result.blocks
    .map(
      ({ name }, index) =>
        `<li><span class="key b${colorIndex(index)}"></span>${escapeMarkup(name)}</li>`,
    )
    .join('');
  const line = note === null ? '' : `<p>${escapeMarkup(note)}</p>`;
  return `<h2>Prompt</h2><ul class="legend">${legend}<li>stronger color: larger score</li><li>dotted line: spoke against the call</li></ul>${line}<div class="prompt" tabindex="0" role="region" aria-label="Prompt, shaded by score">${markup}</div>`;
}

function drawPicture(result: AttributionResult, picture: number): string {
  const { markup, width, height } = drawOverlay(result, picture);
  const label = `Picture ${picture + 1} with the scores of its patches`;
  return `<h2>${label}</h2><svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${label}">${markup}</svg>`;
}
