import { crop } from './crop.js';
import { drawHorizontalLine } from './draw-horizontal-line.js';
import { drawVerticalLine } from './draw-vertical-line.js';
import { flip } from './flip.js';
import { focusOnColumnsWithDraw } from './focus-on-columns-with-draw.js';
import { focusOnColumnsWithHighlight } from './focus-on-columns-with-highlight.js';
import { focusOnColumnsWithMask } from './focus-on-columns-with-mask.js';
import { focusOnRowsWithDraw } from './focus-on-rows-with-draw.js';
import { focusOnRowsWithHighlight } from './focus-on-rows-with-highlight.js';
import { focusOnRowsWithMask } from './focus-on-rows-with-mask.js';
import { focusOnXValuesWithDraw } from './focus-on-x-values-with-draw.js';
import { focusOnXValuesWithHighlight } from './focus-on-x-values-with-highlight.js';
import { focusOnXValuesWithMask } from './focus-on-x-values-with-mask.js';
import { focusOnYValuesWithDraw } from './focus-on-y-values-with-draw.js';
import { focusOnYValuesWithHighlight } from './focus-on-y-values-with-highlight.js';
import { focusOnYValuesWithMask } from './focus-on-y-values-with-mask.js';
import { ocr } from './ocr.js';
import { point } from './point.js';
import { rotate } from './rotate.js';
import type { VisualTool } from './visual-tool.js';
import { zoom } from './zoom.js';

/** The name of a built-in tool. */
export type VisualToolName =
  | 'focus_on_columns_with_mask'
  | 'focus_on_columns_with_draw'
  | 'focus_on_columns_with_highlight'
  | 'focus_on_rows_with_mask'
  | 'focus_on_rows_with_draw'
  | 'focus_on_rows_with_highlight'
  | 'focus_on_x_values_with_mask'
  | 'focus_on_x_values_with_draw'
  | 'focus_on_x_values_with_highlight'
  | 'focus_on_y_values_with_mask'
  | 'focus_on_y_values_with_draw'
  | 'focus_on_y_values_with_highlight'
  | 'crop'
  | 'zoom'
  | 'rotate'
  | 'flip'
  | 'ocr'
  | 'draw_horizontal_line'
  | 'draw_vertical_line'
  | 'point';

/** Every built-in tool by the name that a model calls it by. Adding one: a file and a line here. */
export const visualTools: Readonly<Record<VisualToolName, VisualTool>> = {
  focus_on_columns_with_mask: focusOnColumnsWithMask,
  focus_on_columns_with_draw: focusOnColumnsWithDraw,
  focus_on_columns_with_highlight: focusOnColumnsWithHighlight,
  focus_on_rows_with_mask: focusOnRowsWithMask,
  focus_on_rows_with_draw: focusOnRowsWithDraw,
  focus_on_rows_with_highlight: focusOnRowsWithHighlight,
  focus_on_x_values_with_mask: focusOnXValuesWithMask,
  focus_on_x_values_with_draw: focusOnXValuesWithDraw,
  focus_on_x_values_with_highlight: focusOnXValuesWithHighlight,
  focus_on_y_values_with_mask: focusOnYValuesWithMask,
  focus_on_y_values_with_draw: focusOnYValuesWithDraw,
  focus_on_y_values_with_highlight: focusOnYValuesWithHighlight,
  crop,
  zoom,
  rotate,
  flip,
  ocr,
  draw_horizontal_line: drawHorizontalLine,
  draw_vertical_line: drawVerticalLine,
  point,
};
