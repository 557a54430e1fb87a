import { AttributionError } from '../errors.js';
import type { AttributionResult } from '../result.js';
import { renderAnsi } from './ansi.js';
import { renderHtml } from './html.js';
import type { Renderer, RenderFormat, RenderOptions } from './renderer.js';
import { renderSvg } from './svg.js';

/** Renderers by format. */
export const renderers: Readonly<Record<RenderFormat, Renderer>> = {
  html: renderHtml,
  ansi: renderAnsi,
  svg: renderSvg,
};

/**
 * Draws an explanation: the prompt with its tokens shaded by score and colored by block, pictures under their patch
 * scores, block shares of student and teacher with their divergence, and the per-target matrix.
 *
 * Text of the model is escaped. The HTML page makes no request, runs no script, forbids both by its own content
 * security policy, and stays below 300 KB before pictures: long prompts are drawn in chunks of tokens.
 *
 * @throws {AttributionError} `unknown-name` for another format; `settings-mismatch` for a teacher's result that was
 *   made with other settings.
 */
export function renderAttribution(result: AttributionResult, options: RenderOptions): string {
  if (!Object.hasOwn(renderers, options.format)) {
    throw new AttributionError(
      'unknown-name',
      `Unknown format "${options.format}". Known: ${Object.keys(renderers).join(', ')}.`,
    );
  }
  return renderers[options.format](result, options);
}
