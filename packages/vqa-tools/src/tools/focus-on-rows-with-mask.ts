import { focusTool } from './focus.js';
import type { VisualTool } from './visual-tool.js';

export const focusOnRowsWithMask: VisualTool = focusTool({
  axis: 'rows',
  mode: 'mask',
  description: "Hide every row except the named ones. Use the rows' first cells.",
  keepsFirst: true,
});
