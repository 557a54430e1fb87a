import { z } from 'zod';
import { fillRectangle } from '../image/paint.js';
import { copyRaster } from '../image/raster.js';
import { defineTool } from './define-tool.js';
import { positionArgument, toPixelPosition } from './region.js';
import type { VisualTool } from './visual-tool.js';

/** Wide enough to survive the downscaling of a vision encoder, narrow enough to read off a value. */
const LINE_WIDTH = 2;

/** Draws a red line across the whole image, to compare values along it. */
export const drawVerticalLine: VisualTool = defineTool({
  name: 'draw_vertical_line',
  description: 'Draw a red vertical line across the image at x (pixels, or a fraction 0-1).',
  inputSchema: z.object({ x: positionArgument }),
  run(image, { x }) {
    const result = copyRaster(image);
    const last = image.width - LINE_WIDTH;
    const first = Math.max(0, Math.min(last, Math.round(toPixelPosition(x, image.width)) - 1));
    fillRectangle(
      result,
      { x1: first, y1: 0, x2: first + LINE_WIDTH - 1, y2: image.height - 1 },
      [255, 0, 0],
    );
    return { image: result };
  },
});
