import type { RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';

/** Geometry of a convolution or pooling: one entry a spatial axis. */
export interface Window {
  readonly rank: number;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before each axis and after it, where both are known before the graph runs. */
  readonly pads: { readonly before: readonly number[]; readonly after: readonly number[] } | 'same';
  /** With `same`: whether the odd element of padding goes before the data. */
  readonly isLower: boolean;
}

/** Reads the geometry of a node whose spatial axes are `rank`. */
export function readWindow({ attributes, unsupported }: RuleContext, rank: number): Window {
  const ones = new Array<number>(rank).fill(1);
  const zeros = new Array<number>(rank).fill(0);
  const mode = attributes.string('auto_pad', 'NOTSET');
  if (!['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'].includes(mode)) {
    unsupported(`does not know auto_pad "${mode}"`);
  }
  const given = mode === 'NOTSET' ? attributes.ints('pads') : undefined;
  return {
    rank,
    strides: attributes.ints('strides') ?? ones,
    dilations: attributes.ints('dilations') ?? ones,
    pads: mode.startsWith('SAME')
      ? 'same'
      : { before: given?.slice(0, rank) ?? zeros, after: given?.slice(rank) ?? zeros },
    isLower: mode === 'SAME_LOWER',
  };
}

/** Sizes of the spatial axes as an int64 tensor [rank]. */
export function spatialSizes(ops: Operations, x: Value, rank: number): Value {
  return ops.slice(ops.shape(x), 2, rank + 2, 0);
}

/** Sizes of the spatial axes where all are numbers. */
export function knownSpatialSizes(ops: Operations, x: Value): readonly number[] | undefined {
  const sizes = ops.shapeInfo(x)?.slice(2);
  return sizes?.every((size) => typeof size === 'number') ? (sizes as number[]) : undefined;
}

/** How far a window of `kernel` elements reaches. */
export function extent(kernel: number, dilation: number): number {
  return (kernel - 1) * dilation + 1;
}

/**
 * Padding before the data, int64 [rank], and the length that `count` windows cover, int64 [rank].
 *
 * @param inner Value with the sizes of the padded side (the input of a convolution).
 * @param outer Value with the number of windows (its output).
 * @param extents How far one window reaches, int64 [rank].
 */
export function coveredRange(
  ops: Operations,
  window: Window,
  inner: Value,
  outer: Value,
  extents: Value,
): { readonly before: Value; readonly length: Value } {
  const count = spatialSizes(ops, outer, window.rank);
  const steps = ops.mul(ops.sub(count, ops.int64([1])), ops.int64(window.strides));
  const length = ops.add(steps, extents);
  if (window.pads !== 'same') return { before: ops.int64(window.pads.before), length };
  const size = spatialSizes(ops, inner, window.rank);
  const total = ops.emit('Max', [ops.sub(length, size), ops.int64([0])]);
  const rounded = window.isLower ? ops.add(total, ops.int64([1])) : total;
  return { before: ops.div(rounded, ops.int64([2])), length };
}

/**
 * Pads (or cuts) the spatial axes of `inner`, so that windows without padding give just as many results.
 */
export function padToWindows(
  ops: Operations,
  window: Window,
  inner: Value,
  range: { readonly before: Value; readonly length: Value },
): Value {
  const { before, length } = range;
  const after = ops.sub(ops.sub(length, before), spatialSizes(ops, inner, window.rank));
  const none = ops.int64([0, 0]);
  return ops.emit('Pad', [inner, ops.concat([none, before, none, after], 0)]);
}

/**
 * The adjoint of taking windows: a transposed convolution, cut to the place and the sizes of `inner`.
 *
 * It is made one stride longer than the windows reach, since the last elements of `inner` may lie in none.
 */
export function spreadWindows(
  ops: Operations,
  window: Window,
  operands: { readonly dy: Value; readonly kernel: Value; readonly inner: Value },
  options: { readonly before: Value; readonly group: number },
): Value {
  const { dy, kernel, inner } = operands;
  const { strides, dilations, rank } = window;
  const full = ops.emit('ConvTranspose', [dy, kernel], {
    attributes: {
      strides,
      dilations,
      group: options.group,
      output_padding: strides.map((stride) => stride - 1),
    },
  });
  const end = ops.add(options.before, spatialSizes(ops, inner, rank));
  const axes = ops.int64(Array.from({ length: rank }, (_, axis) => axis + 2));
  return ops.emit('Slice', [full, options.before, end, axes]);
}
