import { focusTool } from './focus.js';
import type { VisualTool } from './visual-tool.js';

export const focusOnYValuesWithDraw: VisualTool = focusTool({
  axis: 'yValues',
  mode: 'draw',
  description: 'Draw a red box around each named y value. Use y-axis labels; for horizontal bars.',
  matchesLoosely: true,
  forgives: true,
});
