import { z } from 'zod';
import { mapBoxes } from '../boxes/metadata.js';
import type { Raster } from '../image/raster.js';
import { defineTool } from './define-tool.js';
import type { VisualTool } from './visual-tool.js';

/** Mirrors the image. */
export const flip: VisualTool = defineTool({
  name: 'flip',
  description: 'Mirror the image left-right ("horizontal") or top-bottom ("vertical").',
  inputSchema: z.object({ direction: z.enum(['horizontal', 'vertical']) }),
  run(image, { direction }, { metadata }) {
    const horizontal = direction === 'horizontal';
    const result = flipRaster(image, horizontal);
    if (metadata === undefined) return { image: result };
    const { width, height } = image;
    return {
      image: result,
      metadata: mapBoxes(metadata, image, image, (box) =>
        horizontal
          ? { ...box, x1: width - box.x2, x2: width - box.x1 }
          : { ...box, y1: height - box.y2, y2: height - box.y1 },
      ),
    };
  },
});

function flipRaster(image: Raster, horizontal: boolean): Raster {
  const { width, height, channels } = image;
  const data = new Uint8ClampedArray(image.data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from =
        ((horizontal ? y : height - 1 - y) * width + (horizontal ? width - 1 - x : x)) * channels;
      const to = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) data[to + c] = image.data[from + c] ?? 0;
    }
  }
  return { width, height, channels, data };
}
