import { z } from 'zod';
import type { Box, BoxList } from '../boxes/box.js';
import { type Axis, boxesOfAxis, toPixelBoxes } from '../boxes/metadata.js';
import { VqaToolError } from '../errors.js';
import {
  fillRectangle,
  type PixelCorners,
  strokeRectangle,
  tintRectangles,
} from '../image/paint.js';
import { copyRaster, type Raster } from '../image/raster.js';
import { defineTool } from './define-tool.js';
import { type FocusProfile, type FocusProfileName, focusProfiles } from './profiles.js';
import type { VisualTool } from './visual-tool.js';

/** How a focus tool shows the regions that matter. */
export type FocusMode = 'mask' | 'draw' | 'highlight';

/** What is special about one of the twelve focus tools. */
export interface FocusSpecification {
  readonly axis: Axis;
  readonly mode: FocusMode;
  readonly description: string;
  /** Masking never covers the first region (a table's header row). */
  readonly keepsFirst?: boolean;
  /** Labels match when either contains the other. */
  readonly matchesLoosely?: boolean;
  /** The original catches every error of a single region, in all profiles. */
  readonly forgives?: boolean;
}

/** The parts of a tool name and the argument names of the originals. */
const axisNames: Readonly<Record<Axis, string>> = {
  columns: 'columns',
  rows: 'rows',
  xValues: 'x_values',
  yValues: 'y_values',
};

const RED = [255, 0, 0] as const;
const WHITE = [255, 255, 255] as const;
/** A fifth of red over the picture: alpha 50 of 255, in all three originals. */
const TRANSLUCENT_RED = [255, 0, 0, 50] as const;

/**
 * Makes one of the twelve tools `focus_on_{columns|rows|x_values|y_values}_with_{mask|draw|highlight}`.
 * Pixel for pixel those of ReFocus and VTool-R1 under the profile of the context, except that the
 * input image is never changed. Errors: `unknown-label` where the original raises KeyError,
 * `bad-box` where Pillow refuses a box whose corners cross (ReFocus and v1 below 4 pixels).
 */
export function focusTool(specification: FocusSpecification): VisualTool {
  const name = axisNames[specification.axis];
  const labelsArgument = `${name}_to_focus_on`;
  const inputSchema = z.object({
    [labelsArgument]: z.array(z.string().max(500)).max(200).describe('labels'),
  });
  return defineTool({
    name: `focus_on_${name}_with_${specification.mode}`,
    description: specification.description,
    inputSchema,
    run(image, argumentsValue, { metadata, profile = 'vtool-v2' }) {
      if (metadata === undefined) {
        throw new VqaToolError(
          'bad-metadata',
          `focus_on_${name}_with_${specification.mode} needs \`metadata\` with the boxes of the image's ${name}.`,
        );
      }
      const labels = argumentsValue[labelsArgument] ?? [];
      const boxes = toPixelBoxes(boxesOfAxis(metadata, specification.axis), metadata, image);
      return { image: focus(image, labels, { ...specification, boxes, profile }) };
    },
  });
}

/** The pixel work of a focus tool; boxes in pixels of `image`. */
function focus(
  image: Raster,
  labels: readonly string[],
  options: Omit<FocusSpecification, 'description' | 'axis'> & {
    readonly boxes: BoxList;
    readonly profile: FocusProfileName;
  },
): Raster {
  const { boxes, mode } = options;
  if (labels.length === 0 || boxes.length === 0) return copyRaster(image);
  const profile = focusProfiles[options.profile];
  if (mode === 'mask') return maskOthers(image, labels, { ...options, profile });
  const chosen = chooseBoxes(labels, boxes, { ...options, profile });
  // v2 hands the image itself back when no label is known; the others have by then made it RGBA.
  if (chosen.length === 0 && profile.unknownLabel === 'skip') return copyRaster(image);
  const rectangles = chosen.flatMap((entry) => {
    const corners = cornersOf(entry.box, {
      inset: profile.inset[mode],
      clamp: profile.clamp,
      image,
    });
    if (corners.x1 <= corners.x2 && corners.y1 <= corners.y2) return [corners];
    if (options.forgives && profile.unknownLabel === 'error') return [];
    throw crossedCorners(entry.label, corners);
  });
  if (mode === 'draw') {
    const result = copyRaster(image);
    for (const corners of rectangles) {
      strokeRectangle(result, corners, { color: RED, width: profile.lineWidth });
    }
    return result;
  }
  return tintRectangles(image, rectangles, TRANSLUCENT_RED);
}

function maskOthers(
  image: Raster,
  labels: readonly string[],
  {
    boxes,
    keepsFirst = false,
    profile,
  }: { boxes: BoxList; keepsFirst?: boolean; profile: FocusProfile },
): Raster {
  const focused = new Set(labels);
  const candidates = keepsFirst ? boxes.slice(1) : boxes;
  const masked = candidates.filter(({ label }) => !focused.has(label));
  // Masking everything must be a mistake of the caller's; all originals then leave the image alone.
  if (masked.length === candidates.length) return copyRaster(image);
  const result = copyRaster(image);
  for (const { label, box } of masked) {
    const corners = cornersOf(box, { inset: profile.inset.mask, clamp: profile.clamp, image });
    if (corners.x1 > corners.x2 || corners.y1 > corners.y2) throw crossedCorners(label, corners);
    fillRectangle(result, corners, WHITE);
  }
  return result;
}

function chooseBoxes(
  labels: readonly string[],
  boxes: BoxList,
  {
    matchesLoosely = false,
    forgives = false,
    profile,
  }: { matchesLoosely?: boolean; forgives?: boolean; profile: FocusProfile },
): BoxList {
  // As in a Python dict, a repeated label means its last box at its first place.
  const byLabel = new Map(boxes.map((entry) => [entry.label, entry]));
  const names = [...byLabel.keys()];
  const chosen = labels.flatMap((label) => {
    const key = matchesLoosely ? looseKey(label, names, profile.looseMatch) : label;
    const entry = byLabel.get(key);
    if (entry !== undefined) return [entry];
    if (forgives || profile.unknownLabel === 'skip') return [];
    throw new VqaToolError(
      'unknown-label',
      `There is no region "${label}". Known: ${names.map((known) => `"${known}"`).join(', ')}.`,
    );
  });
  return [...new Set(chosen)];
}

function looseKey(label: string, names: readonly string[], looseMatch: 'first' | 'last'): string {
  const agrees = (a: string, b: string): boolean => a.includes(b) || b.includes(a);
  if (looseMatch === 'first') {
    if (names.includes(label)) return label;
    return names.find((known) => agrees(known, label)) ?? label;
  }
  let key = label;
  // The label is replaced inside the loop, so that a later hit is compared with the earlier one.
  for (const known of names) if (agrees(known, key)) key = known;
  return key;
}

/** Whole-pixel corners, truncated toward zero as Python's int() does. */
function cornersOf(
  box: Box,
  { inset, clamp, image }: { inset: number; clamp: boolean; image: Raster },
): PixelCorners {
  const corners = {
    x1: Math.trunc(box.x1 + inset),
    y1: Math.trunc(box.y1 + inset),
    x2: Math.trunc(box.x2 - inset),
    y2: Math.trunc(box.y2 - inset),
  };
  if (!clamp) return corners;
  return {
    x1: Math.max(0, corners.x1),
    y1: Math.max(0, corners.y1),
    x2: Math.min(image.width, corners.x2),
    y2: Math.min(image.height, corners.y2),
  };
}

function crossedCorners(label: string, { x1, y1, x2, y2 }: PixelCorners): VqaToolError {
  return new VqaToolError(
    'bad-box',
    `The box of "${label}" is too small to paint: after the margin its corners are (${x1}, ${y1}) and (${x2}, ${y2}).`,
  );
}
