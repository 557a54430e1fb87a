import { focusTool } from './focus.js';
import type { VisualTool } from './visual-tool.js';

export const focusOnRowsWithHighlight: VisualTool = focusTool({
  axis: 'rows',
  mode: 'highlight',
  description: "Tint each named row light red. Use the rows' first cells.",
});
