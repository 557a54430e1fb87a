import { focusTool } from './focus.js';
import type { VisualTool } from './visual-tool.js';

export const focusOnXValuesWithHighlight: VisualTool = focusTool({
  axis: 'xValues',
  mode: 'highlight',
  description: 'Tint each named x value light red. Use x-axis labels; for vertical bars.',
  forgives: true,
});
