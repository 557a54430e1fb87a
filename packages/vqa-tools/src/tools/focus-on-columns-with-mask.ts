import { focusTool } from './focus.js';
import type { VisualTool } from './visual-tool.js';

export const focusOnColumnsWithMask: VisualTool = focusTool({
  axis: 'columns',
  mode: 'mask',
  description: 'Hide every column except the named ones. Use column headers.',
});
