import { VqaToolError } from '../errors.js';
import type { Box, BoxList, BoxUnits } from './box.js';
import { intersectBoxes, moveBox, scaleBox } from './box.js';

/** The four kinds of region that a focus tool can name. */
export const AXES = ['columns', 'rows', 'xValues', 'yValues'] as const;
export type Axis = (typeof AXES)[number];

/**
 * What is known about an image: the boxes of its parts, and in which units.
 *
 * `width` and `height` are the size of the image that pixel boxes refer to. When a tool is given
 * the same picture at another size, the boxes are rescaled with it; VTool-R1 does not do this.
 */
export interface ImageMetadata {
  /** `table`, `v_bar`, `h_bar`, `line`, `pie`, …; free text from the data set. */
  readonly kind: string;
  readonly units: BoxUnits;
  readonly width?: number;
  readonly height?: number;
  readonly figure?: Box;
  readonly columns?: BoxList;
  readonly rows?: BoxList;
  readonly xValues?: BoxList;
  readonly yValues?: BoxList;
}

/**
 * The boxes that an axis stands for. On a chart, `columns` and `rows` both mean the value axis's
 * counterpart (x values of a vertical bar chart, y values of a horizontal one), because VTool-R1's
 * prompt offers the column and row tools for charts too.
 *
 * @returns An empty list where the image has no such boxes.
 */
export function boxesOfAxis(metadata: ImageMetadata, axis: Axis): BoxList {
  const own = metadata[axis];
  if (own !== undefined) return own;
  if (axis === 'xValues' || axis === 'yValues' || isTable(metadata)) return [];
  const horizontal = metadata.kind === 'h_bar' || metadata.kind === 'chartqa_h_bar';
  return (horizontal ? metadata.yValues : metadata.xValues) ?? [];
}

/** Whether the picture is a table rather than a chart. */
function isTable(metadata: ImageMetadata): boolean {
  return metadata.kind === 'table' || metadata.kind.includes('tablevqa');
}

/** Pixel boxes for an image of the given size. @throws {VqaToolError} `bad-metadata` on a zero size. */
export function toPixelBoxes(
  boxes: BoxList,
  metadata: Pick<ImageMetadata, 'units' | 'width' | 'height'>,
  image: { readonly width: number; readonly height: number },
): BoxList {
  const [scaleX, scaleY] = pixelScale(metadata, image);
  if (scaleX === 1 && scaleY === 1) return boxes;
  return boxes.map(({ label, box }) => ({ label, box: scaleBox(box, scaleX, scaleY) }));
}

function pixelScale(
  metadata: Pick<ImageMetadata, 'units' | 'width' | 'height'>,
  image: { readonly width: number; readonly height: number },
): [number, number] {
  if (metadata.units === 'fractions') return [image.width, image.height];
  const { width = image.width, height = image.height } = metadata;
  if (!(width > 0 && height > 0)) {
    throw new VqaToolError(
      'bad-metadata',
      `\`metadata.width\` and \`height\` must be positive, got ${width}×${height}.`,
    );
  }
  return [image.width / width, image.height / height];
}

/**
 * The metadata after the picture was cut to `frame` (pixels of `image`) and resized to `size`.
 * Boxes that fall outside vanish, boxes that are cut keep their visible part; pixel units.
 */
export function cropMetadata(
  metadata: ImageMetadata,
  image: { readonly width: number; readonly height: number },
  { frame, size }: { frame: Box; size: { readonly width: number; readonly height: number } },
): ImageMetadata {
  const scaleX = size.width / (frame.x2 - frame.x1);
  const scaleY = size.height / (frame.y2 - frame.y1);
  return mapBoxes(metadata, image, size, (box) => {
    const visible = intersectBoxes(box, frame);
    return visible && scaleBox(moveBox(visible, -frame.x1, -frame.y1), scaleX, scaleY);
  });
}

/** Metadata with every box (first brought to pixels of `image`) sent through `change`. */
export function mapBoxes(
  metadata: ImageMetadata,
  image: { readonly width: number; readonly height: number },
  size: { readonly width: number; readonly height: number },
  change: (box: Box) => Box | null,
): ImageMetadata {
  const [scaleX, scaleY] = pixelScale(metadata, image);
  const mapOne = (box: Box): Box | null => change(scaleBox(box, scaleX, scaleY));
  const mapList = (list: BoxList): BoxList =>
    list.flatMap(({ label, box }) => {
      const mapped = mapOne(box);
      return mapped === null ? [] : [{ label, box: mapped }];
    });
  const figure = metadata.figure === undefined ? null : mapOne(metadata.figure);
  return {
    kind: metadata.kind,
    units: 'pixels',
    width: size.width,
    height: size.height,
    ...(figure === null ? {} : { figure }),
    ...(metadata.columns && { columns: mapList(metadata.columns) }),
    ...(metadata.rows && { rows: mapList(metadata.rows) }),
    ...(metadata.xValues && { xValues: mapList(metadata.xValues) }),
    ...(metadata.yValues && { yValues: mapList(metadata.yValues) }),
  };
}
