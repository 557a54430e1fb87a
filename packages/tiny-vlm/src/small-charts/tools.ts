import {
  type ImageMetadata,
  type ToolTable,
  type VisualTool,
  VqaToolError,
  visualTools,
} from '@iapo/vqa-tools';
import { type ChartContent, headerRow } from './picture.js';

/** Name of one of the six tools. */
export type ChartToolName = `focus_on_${'x_values' | 'rows'}_with_${'mask' | 'draw' | 'highlight'}`;

/** The tools by the axis whose labels they take. */
const toolAxes: Readonly<Record<ChartToolName, 'xValues' | 'rows'>> = {
  focus_on_x_values_with_mask: 'xValues',
  focus_on_x_values_with_draw: 'xValues',
  focus_on_x_values_with_highlight: 'xValues',
  focus_on_rows_with_mask: 'rows',
  focus_on_rows_with_draw: 'rows',
  focus_on_rows_with_highlight: 'rows',
};

// The keys of a constant object; Object.keys forgets them.
export const chartToolNames: readonly ChartToolName[] = Object.keys(toolAxes) as ChartToolName[];

/** Name of the argument that holds a tool's labels. */
const labelsArguments = { xValues: 'x_values_to_focus_on', rows: 'rows_to_focus_on' } as const;

export function labelsArgumentOf(name: ChartToolName): string {
  return labelsArguments[toolAxes[name]];
}

/** Whether a tool takes the labels of such a picture: bars take x values, tables rows. */
export function fitsPicture(name: ChartToolName, kind: ChartContent['kind']): boolean {
  return toolAxes[name] === (kind === 'bars' ? 'xValues' : 'rows');
}

/**
 * The six tools: pixels and definitions are those of `visualTools`, but a call that names no label, a label
 * that the picture does not have, or that is for the other kind of picture fails with `unknown-label`
 * instead of giving the picture back as it was. A table of tools for `runEpisode`.
 */
export const smallChartTools: ToolTable = Object.fromEntries(
  chartToolNames.map((name) => [name, strictTool(name)]),
);

function strictTool(name: ChartToolName): VisualTool {
  const tool = visualTools[name];
  return {
    ...tool,
    run: async (image, argumentsValue, context = {}) => {
      const check = tool.check(argumentsValue);
      if (check.ok) requireLabels(name, check.value, context.metadata);
      return await tool.run(image, argumentsValue, context);
    },
  };
}

function requireLabels(
  name: ChartToolName,
  argumentsValue: unknown,
  metadata: ImageMetadata | undefined,
): void {
  const labels = labelsOf(name, argumentsValue);
  // Not boxesOfAxis, which lets row tools work on bars.
  const boxes = metadata?.[toolAxes[name]] ?? [];
  const known = boxes.map(({ label }) => label).filter((label) => label !== headerRow);
  const unknown = labels.filter((label) => !known.includes(label));
  if (labels.length > 0 && unknown.length === 0) return;
  throw new VqaToolError(
    'unknown-label',
    labels.length === 0
      ? 'no label was given'
      : `the picture has no ${labelsArgumentOf(name).split('_to_')[0]} ${unknown.join(', ')}`,
  );
}

/** The labels in a call's arguments; none where there is no such list. */
export function labelsOf(name: ChartToolName, argumentsValue: unknown): readonly string[] {
  if (typeof argumentsValue !== 'object' || argumentsValue === null) return [];
  const labels: unknown = Reflect.get(argumentsValue, labelsArgumentOf(name));
  return Array.isArray(labels) ? labels.filter((label) => typeof label === 'string') : [];
}

export function isChartToolName(name: string): name is ChartToolName {
  return Object.hasOwn(toolAxes, name);
}
