import { z } from 'zod';
import { cropRaster } from '../image/resize.js';
import { defineTool } from './define-tool.js';
import { tesseractEngine } from './ocr/tesseract-engine.js';
import { boxArgument, toPixelFrame } from './region.js';
import type { VisualTool } from './visual-tool.js';

/** Reads the text of the image or of a part of it; gives words with their boxes as text. */
export const ocr: VisualTool = defineTool({
  name: 'ocr',
  description: 'Read the text of the image, or of a box [x1, y1, x2, y2].',
  inputSchema: z.object({ box: boxArgument.optional() }),
  async run(image, { box }, { ocr: engine = tesseractEngine, signal }) {
    const frame = box && toPixelFrame(box, image);
    const part = frame ? cropRaster(image, frame) : image;
    const words = await engine.read(part, signal === undefined ? {} : { signal });
    const left = frame?.x1 ?? 0;
    const top = frame?.y1 ?? 0;
    const lines = words.map(({ text, box: { x1, y1, x2, y2 } }) => {
      const corners = [x1 + left, y1 + top, x2 + left, y2 + top].map(Math.round);
      return `${text} [${corners.join(', ')}]`;
    });
    return { text: lines.length === 0 ? '(no text found)' : lines.join('\n') };
  },
});
