import { VqaToolError } from '../errors.js';

/** A rectangle by its corners; (x1, y1) top left, (x2, y2) bottom right. */
export interface Box {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** `pixels`, or `fractions` of the image's width (x) and height (y), 0 to 1. */
export type BoxUnits = 'pixels' | 'fractions';

/** A box and the name that a model uses for it: a column header, a row's first cell, an axis label. */
export interface LabeledBox {
  readonly label: string;
  readonly box: Box;
}

/** Boxes in reading order. The order matters: the first row is the header, which is never masked. */
export type BoxList = readonly LabeledBox[];

/** What users may hand in where boxes are expected. */
export type BoxesInput =
  | BoxList
  | ReadonlyMap<string, Box>
  | Readonly<Record<string, Box | null | undefined>>;

/** JavaScript lists such keys first, whatever the order they were written in. */
const INTEGER_KEY = /^(?:0|[1-9]\d{0,9})$/;

/**
 * Brings boxes into a list. Lists and maps keep their order. A plain object keeps the order of its
 * keys, except where JavaScript itself has lost it (keys such as "1969" come first in any object):
 * then the boxes are ordered by position, top to bottom for `vertical`, left to right otherwise.
 * Null children (from Parquet structs) are dropped.
 *
 * @throws {VqaToolError} `bad-box` for a box that is not four finite numbers.
 */
export function toBoxList(
  input: BoxesInput,
  { vertical = false }: { vertical?: boolean } = {},
): BoxList {
  if (Array.isArray(input)) {
    const list: BoxList = input;
    for (const { label, box } of list) assertBox(box, label);
    return list;
  }
  const isMap = input instanceof Map;
  const pairs: [string, Box | null | undefined][] = isMap
    ? [...input.entries()]
    : Object.entries(input);
  const list = pairs.flatMap(([label, box]) => {
    if (box === null || box === undefined) return [];
    assertBox(box, label);
    return [{ label, box: { x1: box.x1, y1: box.y1, x2: box.x2, y2: box.y2 } }];
  });
  return isMap ? list : restoreOrder(list, { vertical });
}

/**
 * Boxes that were the values of an object, in reading order: as they are, or by place where a label
 * such as "1969" has moved to the front of the object.
 */
export function restoreOrder(list: LabeledBox[], { vertical }: { vertical: boolean }): BoxList {
  if (!list.some(({ label }) => INTEGER_KEY.test(label))) return list;
  const start = (box: Box): number => (vertical ? box.y1 : box.x1);
  return list.sort((a, b) => start(a.box) - start(b.box));
}

/** @throws {VqaToolError} `bad-box` unless all four coordinates are finite numbers. */
function assertBox(box: Box, label: string): void {
  for (const side of ['x1', 'y1', 'x2', 'y2'] as const) {
    if (typeof box?.[side] !== 'number' || !Number.isFinite(box[side])) {
      throw new VqaToolError(
        'bad-box',
        `The box of "${label}" needs four finite numbers x1, y1, x2, y2; ${side} is ${String(box?.[side])}.`,
      );
    }
  }
}

/** Scales a box, for instance from fractions to pixels with the image's width and height. */
export function scaleBox(box: Box, scaleX: number, scaleY: number): Box {
  return { x1: box.x1 * scaleX, y1: box.y1 * scaleY, x2: box.x2 * scaleX, y2: box.y2 * scaleY };
}

/** Moves a box by (dx, dy). */
export function moveBox(box: Box, dx: number, dy: number): Box {
  return { x1: box.x1 + dx, y1: box.y1 + dy, x2: box.x2 + dx, y2: box.y2 + dy };
}

/** The part of a box inside `frame`, or null where nothing of it is inside. */
export function intersectBoxes(box: Box, frame: Box): Box | null {
  const x1 = Math.max(box.x1, frame.x1);
  const y1 = Math.max(box.y1, frame.y1);
  const x2 = Math.min(box.x2, frame.x2);
  const y2 = Math.min(box.y2, frame.y2);
  return x1 < x2 && y1 < y2 ? { x1, y1, x2, y2 } : null;
}
