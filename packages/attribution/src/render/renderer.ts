import type { AttributionResult } from '../result.js';

export interface RenderOptions {
  /** `html`: one self-contained page; `ansi`: colored text for terminals; `svg`: a figure. */
  readonly format: RenderFormat;
  /** Another model's explanation, drawn beside the blocks with the divergence. */
  readonly teacher?: AttributionResult;
  /** Heading. Default: the method and the model's id. */
  readonly title?: string;
  /** ANSI only: colors. Default true; pass false when the terminal or NO_COLOR says so. */
  readonly color?: boolean;
  /** ANSI only: characters a line. Default 100. */
  readonly width?: number;
}

export type RenderFormat = 'html' | 'ansi' | 'svg';

export type Renderer = (result: AttributionResult, options: RenderOptions) => string;
