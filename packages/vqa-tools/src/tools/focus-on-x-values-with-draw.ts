import { focusTool } from './focus.js';
import type { VisualTool } from './visual-tool.js';

export const focusOnXValuesWithDraw: VisualTool = focusTool({
  axis: 'xValues',
  mode: 'draw',
  description: 'Draw a red box around each named x value. Use x-axis labels; for vertical bars.',
});
