import { focusTool } from './focus.js';
import type { VisualTool } from './visual-tool.js';

export const focusOnXValuesWithMask: VisualTool = focusTool({
  axis: 'xValues',
  mode: 'mask',
  description: 'Hide every x value except the named ones. Use x-axis labels; for vertical bars.',
});
