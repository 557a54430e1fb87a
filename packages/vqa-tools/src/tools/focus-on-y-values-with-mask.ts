import { focusTool } from './focus.js';
import type { VisualTool } from './visual-tool.js';

export const focusOnYValuesWithMask: VisualTool = focusTool({
  axis: 'yValues',
  mode: 'mask',
  description: 'Hide every y value except the named ones. Use y-axis labels; for horizontal bars.',
});
