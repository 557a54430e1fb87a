import { focusTool } from './focus.js';
import type { VisualTool } from './visual-tool.js';

export const focusOnColumnsWithHighlight: VisualTool = focusTool({
  axis: 'columns',
  mode: 'highlight',
  description: 'Tint each named column light red. Use column headers.',
});
