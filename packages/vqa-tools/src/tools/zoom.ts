import { z } from 'zod';
import { cropMetadata } from '../boxes/metadata.js';
import { cropRaster, resizeRaster } from '../image/resize.js';
import { defineTool } from './define-tool.js';
import { boxArgument, toPixelFrame } from './region.js';
import type { VisualTool } from './visual-tool.js';

/** Sides of a zoomed image stay below this, so that a model cannot ask for a huge one. */
const MAX_SIDE = 4096;

/** Cuts a box out and enlarges it. */
export const zoom: VisualTool = defineTool({
  name: 'zoom',
  description: 'Enlarge a box [x1, y1, x2, y2] (pixels, or fractions 0-1) by a factor (default 2).',
  inputSchema: z.object({ box: boxArgument, factor: z.number().min(1).max(8).default(2) }),
  run(image, { box, factor }, { metadata }) {
    const frame = toPixelFrame(box, image);
    const cut = cropRaster(image, frame);
    const scale = Math.min(factor, MAX_SIDE / cut.width, MAX_SIDE / cut.height);
    const size = {
      width: Math.max(1, Math.round(cut.width * scale)),
      height: Math.max(1, Math.round(cut.height * scale)),
    };
    return {
      image: resizeRaster(cut, size),
      ...(metadata && { metadata: cropMetadata(metadata, image, { frame, size }) }),
    };
  },
});
