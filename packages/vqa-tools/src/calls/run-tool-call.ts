import { type BoxesInput, type BoxList, toBoxList } from '../boxes/box.js';
import { boxesOfAxis, type ImageMetadata } from '../boxes/metadata.js';
import { VqaToolError } from '../errors.js';
import type { Raster } from '../image/raster.js';
import { findTool } from '../tools/tool-definition.js';
import type { ToolContext, ToolResult, ToolTable } from '../tools/visual-tool.js';
import type { ToolCall } from './types.js';

/** The axis that each box variable of the originals' prompts stands for. */
const BOX_AXES = {
  columns_bbox: 'columns',
  rows_bbox: 'rows',
  x_values_bbox: 'xValues',
  y_values_bbox: 'yValues',
} as const;

/**
 * Runs one parsed call on an image. Boxes that the call names or writes out replace those of the
 * metadata.
 *
 * @throws {VqaToolError} `unknown-tool`, `bad-argument`, and the tool's own codes.
 */
export async function runToolCall(
  call: ToolCall,
  image: Raster,
  { tools, ...context }: ToolContext & { readonly tools: ToolTable },
): Promise<ToolResult> {
  const tool = findTool(tools, call.name);
  const metadata = withBoxesOfCall(call, context.metadata);
  return await tool.run(image, call.arguments, {
    ...context,
    ...(metadata && { metadata }),
  });
}

function withBoxesOfCall(
  { boxes, name }: ToolCall,
  metadata: ImageMetadata | undefined,
): ImageMetadata | undefined {
  if (boxes === undefined) return metadata;
  const base: ImageMetadata = metadata ?? { kind: '', units: 'pixels' };
  const list: BoxList =
    boxes.kind === 'literal'
      ? toBoxList(checkBoxes(boxes.value), {
          vertical: name.includes('rows') || name.includes('y_values'),
        })
      : boxesOfAxis(base, BOX_AXES[boxes.name as keyof typeof BOX_AXES]);
  return { ...base, columns: list, rows: list, xValues: list, yValues: list };
}

/** Boxes written by a model: every value must look like a box before it is treated as one. */
function checkBoxes(value: Readonly<Record<string, unknown>>): BoxesInput {
  for (const [label, box] of Object.entries(value)) {
    if (typeof box !== 'object' || box === null) {
      throw new VqaToolError('bad-box', `The box of "${label}" must have x1, y1, x2 and y2.`);
    }
  }
  // Checked above to hold objects; `toBoxList` checks their four numbers.
  return value as BoxesInput;
}
