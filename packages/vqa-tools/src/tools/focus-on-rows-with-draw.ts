import { focusTool } from './focus.js';
import type { VisualTool } from './visual-tool.js';

export const focusOnRowsWithDraw: VisualTool = focusTool({
  axis: 'rows',
  mode: 'draw',
  description: "Draw a red box around each named row. Use the rows' first cells.",
});
