import { focusTool } from './focus.js';
import type { VisualTool } from './visual-tool.js';

export const focusOnYValuesWithHighlight: VisualTool = focusTool({
  axis: 'yValues',
  mode: 'highlight',
  description: 'Tint each named y value light red. Use y-axis labels; for horizontal bars.',
});
