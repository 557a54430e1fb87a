import { z } from 'zod';
import { mapBoxes } from '../boxes/metadata.js';
import { rotateRaster, rotationOf } from '../image/rotate.js';
import { defineTool } from './define-tool.js';
import type { VisualTool } from './visual-tool.js';

/** Turns the image; boxes become the upright boxes around their turned corners. */
export const rotate: VisualTool = defineTool({
  name: 'rotate',
  description: 'Turn the image clockwise by an angle in degrees.',
  inputSchema: z.object({ degrees: z.number().min(-360).max(360) }),
  run(image, { degrees }, { metadata }) {
    const result = rotateRaster(image, degrees);
    if (metadata === undefined) return { image: result };
    const { forward } = rotationOf(degrees, image);
    return {
      image: result,
      metadata: mapBoxes(metadata, image, result, ({ x1, y1, x2, y2 }) => {
        const corners = [forward(x1, y1), forward(x2, y1), forward(x1, y2), forward(x2, y2)];
        const xs = corners.map(([x]) => x);
        const ys = corners.map(([, y]) => y);
        return {
          x1: Math.min(...xs),
          y1: Math.min(...ys),
          x2: Math.max(...xs),
          y2: Math.max(...ys),
        };
      }),
    };
  },
});
