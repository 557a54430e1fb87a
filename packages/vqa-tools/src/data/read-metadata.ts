import { type Box, type BoxList, type LabeledBox, restoreOrder, toBoxList } from '../boxes/box.js';
import type { ImageMetadata } from '../boxes/metadata.js';

/**
 * Reads the metadata of VTool-R1 and ReFocus: JSON text, or the same as an object (Parquet
 * structs, whose null children are dropped). Version 2 keeps a table's columns in `x_values_bbox`
 * and its rows in `y_values_bbox`; version 1 has `columns_bbox` and `row_starters` or `rows_bbox`.
 *
 * @returns Boxes in pixels, or in fractions where no coordinate is above 1.
 * @throws {Error} For JSON that cannot be read or a box that is not four numbers.
 */
export function readMetadata(value: unknown): ImageMetadata {
  const record = toRecord(typeof value === 'string' ? JSON.parse(value) : value);
  const kind = String(record.source ?? record.type ?? '');
  const isVersion2Table = kind.includes('tablevqa') && record.columns_bbox === undefined;
  const x = boxMapping(record.x_values_bbox, { vertical: false });
  const y = boxMapping(record.y_values_bbox, {
    vertical: isVersion2Table || kind.includes('h_bar'),
  });
  const columns = isVersion2Table ? x : boxMapping(record.columns_bbox, { vertical: false });
  const rows = isVersion2Table
    ? y
    : boxMapping(record.row_starters ?? record.rows_bbox, { vertical: true });
  const figure = toBox(record.figure_bbox);
  const lists = [x, y, columns, rows];
  const hasBoxes = lists.some((list) => list !== undefined);
  const areFractions = hasBoxes
    ? lists.every((list) => list === undefined || list.every(({ box }) => isFraction(box)))
    : figure !== undefined && isFraction(figure);
  return {
    kind,
    units: areFractions ? 'fractions' : 'pixels',
    ...(figure && { figure }),
    ...(columns && { columns }),
    ...(rows && { rows }),
    ...(x && !isVersion2Table && { xValues: x }),
    ...(y && !isVersion2Table && { yValues: y }),
  };
}

/** ReFocus's test files: labels and boxes in two lists of the same order, as fractions. */
export function pairedBoxes(labels: unknown, boxes: unknown): BoxList | undefined {
  if (!Array.isArray(labels) || !Array.isArray(boxes) || boxes.length === 0) return undefined;
  if (labels.length !== boxes.length) {
    throw new Error(`${labels.length} labels with ${boxes.length} boxes`);
  }
  return toBoxList(
    labels.map((label, index) => ({
      label: String(label),
      box: requireBox(boxes[index], String(label)),
    })),
  );
}

function boxMapping(value: unknown, { vertical }: { vertical: boolean }): BoxList | undefined {
  if (value === null || value === undefined) return undefined;
  const record = toRecord(value);
  const list: LabeledBox[] = [];
  for (const label in record) {
    const box = record[label];
    // The script of version 1 writes {"x1": "none"} where there are no boxes; as a struct, x1 is null.
    if (box != null && box !== 'none') list.push({ label, box: requireBox(box, label) });
  }
  return list.length === 0 ? undefined : restoreOrder(list, { vertical });
}

function isFraction({ x1, y1, x2, y2 }: Box): boolean {
  return x1 >= 0 && y1 >= 0 && x1 <= 1 && y1 <= 1 && x2 >= 0 && y2 >= 0 && x2 <= 1 && y2 <= 1;
}

function requireBox(value: unknown, label: string): Box {
  const box = toBox(value);
  if (box === undefined) throw new Error(`the box of "${label}" needs numbers x1, y1, x2 and y2`);
  return box;
}

function toBox(value: unknown): Box | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { x1, y1, x2, y2 } = toRecord(value);
  const isNumber = (n: unknown): n is number => typeof n === 'number' && Number.isFinite(n);
  return isNumber(x1) && isNumber(y1) && isNumber(x2) && isNumber(y2)
    ? { x1, y1, x2, y2 }
    : undefined;
}

function toRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('expected an object');
  }
  // Checked to be an object; its values are looked at one by one.
  return value as Readonly<Record<string, unknown>>;
}

/** VTool-R1's metadata as JSON, from ours (version 2 keys, or version 1's with `version: 1`). */
export function writeMetadata(metadata: ImageMetadata, version: 1 | 2): Record<string, unknown> {
  const mapping = (list: BoxList | undefined): Record<string, Box> =>
    Object.fromEntries((list ?? []).map(({ label, box }) => [label, box]));
  const { kind, figure, columns, rows, xValues, yValues } = metadata;
  const shared = {
    [version === 1 ? 'type' : 'source']: kind,
    ...(figure && { figure_bbox: figure }),
  };
  const isTable = columns !== undefined || rows !== undefined;
  if (version === 1 && isTable) {
    return { ...shared, columns_bbox: mapping(columns), row_starters: mapping(rows) };
  }
  return {
    ...shared,
    x_values_bbox: mapping(isTable ? columns : xValues),
    y_values_bbox: mapping(isTable ? rows : yValues),
  };
}
