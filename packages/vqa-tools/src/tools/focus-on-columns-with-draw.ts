import { focusTool } from './focus.js';
import type { VisualTool } from './visual-tool.js';

export const focusOnColumnsWithDraw: VisualTool = focusTool({
  axis: 'columns',
  mode: 'draw',
  description: 'Draw a red box around each named column. Use column headers.',
});
