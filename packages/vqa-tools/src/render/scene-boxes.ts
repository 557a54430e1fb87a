import type { View } from 'vega';
import type { Box } from '../boxes/box.js';

/** A bar, point or slice. */
export interface MarkBox {
  readonly label: string;
  readonly series: string;
  readonly value: number;
  readonly box: Box;
}

/** A drawn text. */
export interface TextBox {
  readonly text: string;
  readonly role: 'axis-label' | 'axis-title' | 'legend-label' | 'title' | 'value';
  readonly box: Box;
}

/** Where everything is, in pixels of the image. */
export interface SceneBoxes {
  /** The area of the marks, between the axes. */
  readonly plot: Box;
  readonly marks: readonly MarkBox[];
  readonly texts: readonly TextBox[];
}

/** The part of vega's scenegraph that is read here. */
interface SceneItem {
  readonly x?: number;
  readonly y?: number;
  readonly width?: number;
  readonly height?: number;
  readonly text?: unknown;
  readonly opacity?: number;
  readonly datum?: {
    readonly label?: unknown;
    readonly series?: unknown;
    readonly value?: unknown;
  };
  readonly bounds?: Box;
  readonly items?: readonly SceneMark[];
}

interface SceneMark {
  readonly marktype: string;
  readonly role?: string;
  readonly items: readonly SceneItem[];
}

const TEXT_ROLES: Readonly<Record<string, TextBox['role']>> = {
  'axis-label': 'axis-label',
  'axis-title': 'axis-title',
  'legend-label': 'legend-label',
  'title-text': 'title',
  mark: 'value',
};

/** Reads the boxes of marks and texts from a view that has run. */
export function sceneBoxes(view: View): SceneBoxes {
  const padding = view.padding();
  const inset = typeof padding === 'number' ? { left: padding, top: padding } : padding;
  const [originX = 0, originY = 0] = view.origin();
  const left = originX + (inset.left ?? 0);
  const top = originY + (inset.top ?? 0);
  const marks: MarkBox[] = [];
  const texts: TextBox[] = [];
  const visit = (mark: SceneMark, dx: number, dy: number): void => {
    for (const item of mark.items) {
      if (mark.marktype === 'group') {
        for (const inner of item.items ?? []) visit(inner, dx + (item.x ?? 0), dy + (item.y ?? 0));
      } else if (item.bounds !== undefined && item.opacity !== 0) {
        // Axis labels that would overlap are kept with opacity 0.
        collect(mark, item, moved(item.bounds, dx, dy));
      }
    }
  };
  const collect = (mark: SceneMark, item: SceneItem, box: Box): void => {
    if (mark.marktype === 'text') {
      const role = TEXT_ROLES[mark.role ?? ''];
      const text = Array.isArray(item.text) ? item.text.join(' ') : String(item.text ?? '');
      if (role !== undefined && text !== '') texts.push({ text, role, box });
      return;
    }
    if (mark.role !== 'mark' || !['rect', 'symbol', 'arc'].includes(mark.marktype)) return;
    const { label, series, value } = item.datum ?? {};
    if (typeof label === 'string' && typeof value === 'number') {
      marks.push({ label, series: String(series ?? ''), value, box });
    }
  };
  // The scenegraph is public, its items are not typed.
  const { root } = view.scenegraph() as unknown as { readonly root: SceneMark };
  const frame = root.items[0];
  for (const mark of frame?.items ?? []) visit(mark, left, top);
  return {
    plot: { x1: left, y1: top, x2: left + (frame?.width ?? 0), y2: top + (frame?.height ?? 0) },
    marks,
    texts,
  };
}

function moved({ x1, y1, x2, y2 }: Box, dx: number, dy: number): Box {
  return { x1: x1 + dx, y1: y1 + dy, x2: x2 + dx, y2: y2 + dy };
}
