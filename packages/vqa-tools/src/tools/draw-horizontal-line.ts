import { z } from 'zod';
import { fillRectangle } from '../image/paint.js';
import { copyRaster } from '../image/raster.js';
import { defineTool } from './define-tool.js';
import { positionArgument, toPixelPosition } from './region.js';
import type { VisualTool } from './visual-tool.js';

/** Wide enough to survive the downscaling of a vision encoder, narrow enough to read off a value. */
const LINE_WIDTH = 2;

/** Draws a red line across the whole image, to compare values along it. */
export const drawHorizontalLine: VisualTool = defineTool({
  name: 'draw_horizontal_line',
  description: 'Draw a red horizontal line across the image at y (pixels, or a fraction 0-1).',
  inputSchema: z.object({ y: positionArgument }),
  run(image, { y }) {
    const result = copyRaster(image);
    const last = image.height - LINE_WIDTH;
    const first = Math.max(0, Math.min(last, Math.round(toPixelPosition(y, image.height)) - 1));
    fillRectangle(
      result,
      { x1: 0, y1: first, x2: image.width - 1, y2: first + LINE_WIDTH - 1 },
      [255, 0, 0],
    );
    return { image: result };
  },
});
