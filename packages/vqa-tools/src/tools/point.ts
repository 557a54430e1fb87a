import { z } from 'zod';
import { fillDisc } from '../image/paint.js';
import { copyRaster } from '../image/raster.js';
import { defineTool } from './define-tool.js';
import { positionArgument, toPixelPosition } from './region.js';
import type { VisualTool } from './visual-tool.js';

/** Marks one spot with a red disc in a white ring, visible on any ground. */
export const point: VisualTool = defineTool({
  name: 'point',
  description: 'Mark a spot (x, y) with a red dot (pixels, or fractions 0-1).',
  inputSchema: z.object({ x: positionArgument, y: positionArgument }),
  run(image, { x, y }) {
    const result = copyRaster(image);
    // Both are fractions or neither is: (0.5, 1) is the middle of the bottom edge.
    const isFraction = x <= 1 && y <= 1;
    const center = {
      x: Math.round(isFraction ? toPixelPosition(x, image.width) : x),
      y: Math.round(isFraction ? toPixelPosition(y, image.height) : y),
    };
    const radius = Math.max(3, Math.round(Math.min(image.width, image.height) / 80));
    fillDisc(result, center, { radius: radius + 2, color: [255, 255, 255] });
    fillDisc(result, center, { radius, color: [255, 0, 0] });
    return { image: result };
  },
});
