import { z } from 'zod';
import { cropMetadata } from '../boxes/metadata.js';
import { cropRaster } from '../image/resize.js';
import { defineTool } from './define-tool.js';
import { boxArgument, toPixelFrame } from './region.js';
import type { VisualTool } from './visual-tool.js';

/** Cuts the image to a box; boxes of the metadata move with it. */
export const crop: VisualTool = defineTool({
  name: 'crop',
  description: 'Cut the image to a box [x1, y1, x2, y2] (pixels, or fractions 0-1).',
  inputSchema: z.object({ box: boxArgument }),
  run(image, { box }, { metadata }) {
    const frame = toPixelFrame(box, image);
    const result = cropRaster(image, frame);
    return {
      image: result,
      ...(metadata && { metadata: cropMetadata(metadata, image, { frame, size: result }) }),
    };
  },
});
