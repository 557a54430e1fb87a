import type { GradientRule, RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';
import { slopeOfFused } from './fused-activation.js';
import {
  coveredRange,
  extent,
  knownSpatialSizes,
  padToWindows,
  readWindow,
  spatialSizes,
  spreadWindows,
  type Window,
} from './window.js';

/**
 * Conv, Y = X ∗ W + b, in one to three dimensions:
 *
 *   dX = dY transposed-convolved with W;  dW = X convolved with dY, batch as channels;  db = Σ dY
 */
export const convolution: GradientRule = (context) =>
  convolutionGradients(context, context.gradOutput(0));

/** FusedConv of com.microsoft: a convolution, an added tensor and an activation in one. */
export const fusedConvolution: GradientRule = (context) => {
  const inner = slopeOfFused(context, {
    alpha: context.attributes.floats('activation_params')?.[0],
    beta: context.attributes.floats('activation_params')?.[1],
  });
  return [...convolutionGradients(context, inner), context.needs(3) ? inner : null];
};

function convolutionGradients(context: RuleContext, dy: Value): (Value | null)[] {
  const { ops, input, needs, attributes } = context;
  const window = readWindow(context, spatialRank(context));
  const group = attributes.int('group', 1);
  const [x, kernel] = [input(0), input(1)];
  return [
    needs(0) ? gradientOfInput(ops, window, { dy, kernel, x }, group) : null,
    needs(1) ? gradientOfKernel(ops, window, { dy, kernel, x }, group) : null,
    needs(2) ? sumOverPositions(ops, dy, window.rank) : null,
  ];
}

/**
 * ConvTranspose is the adjoint of Conv, so its gradients are those of Conv with X and dY exchanged:
 *
 *   dX = Conv(dY, W);  dW = dY convolved with X;  db = Σ dY
 */
export const convolutionTranspose: GradientRule = (context) => {
  const { ops, input, needs, gradOutput, attributes, unsupported } = context;
  const window = transposedWindow(context, readWindow(context, spatialRank(context)));
  const group = attributes.int('group', 1);
  const [x, kernel, dy] = [input(0), input(1), gradOutput(0)];
  if (window === undefined) return unsupported('needs the sizes of its input for this auto_pad');
  const gradientX = (): Value => {
    const { strides, dilations } = window;
    const range = coveredRange(ops, window, dy, x, extents(ops, window, kernel));
    const padded = padToWindows(ops, window, dy, range);
    return ops.emit('Conv', [padded, kernel], { attributes: { strides, dilations, group } });
  };
  return [
    needs(0) ? gradientX() : null,
    needs(1) ? gradientOfKernel(ops, window, { dy: x, kernel, x: dy }, group) : null,
    needs(2) ? sumOverPositions(ops, dy, window.rank) : null,
  ];
};

/** The window with the padding that `output_shape` or `auto_pad` amounts to. */
function transposedWindow(context: RuleContext, window: Window): Window | undefined {
  const { ops, attributes, input } = context;
  const wanted = attributes.ints('output_shape');
  if (wanted === undefined && window.pads !== 'same') return window;
  const sizes = knownSpatialSizes(ops, input(0));
  const kernel = attributes.ints('kernel_shape') ?? knownSpatialSizes(ops, input(1));
  if (sizes === undefined || kernel === undefined) return undefined;
  const extra = attributes.ints('output_padding') ?? sizes.map(() => 0);
  const isUpper = attributes.string('auto_pad', 'NOTSET') === 'SAME_UPPER';
  const before: number[] = [];
  const after: number[] = [];
  for (const [axis, size] of sizes.entries()) {
    const stride = window.strides[axis] ?? 1;
    const reach = extent(kernel[axis] ?? 1, window.dilations[axis] ?? 1);
    const full = (size - 1) * stride + (extra[axis] ?? 0) + reach;
    const total = Math.max(0, full - (wanted?.at(axis - sizes.length) ?? size * stride));
    const half = Math.floor(total / 2);
    before.push(isUpper ? half : total - half);
    after.push(isUpper ? total - half : half);
  }
  return { ...window, pads: { before, after } };
}

/** Number of spatial axes, from whatever tells it. */
function spatialRank({ attributes, shapeOf, rankOf }: RuleContext): number {
  const kernel = attributes.ints('kernel_shape') ?? attributes.ints('strides');
  if (kernel !== undefined) return kernel.length;
  return (shapeOf(1)?.length ?? rankOf(0)) - 2;
}

interface ConvolutionOperands {
  readonly dy: Value;
  readonly kernel: Value;
  readonly x: Value;
}

function gradientOfInput(
  ops: Operations,
  window: Window,
  { dy, kernel, x }: ConvolutionOperands,
  group: number,
): Value {
  const { strides, dilations, pads } = window;
  const sizes = [x, dy, kernel].map((value) => knownSpatialSizes(ops, value));
  const [inner, outer, kernels] = sizes;
  if (pads !== 'same' && inner !== undefined && outer !== undefined && kernels !== undefined) {
    // What the last window leaves over of each axis has no gradient; ONNX calls it output padding.
    const left = inner.map((size, axis) => {
      const stride = strides[axis] ?? 1;
      const reach = extent(kernels[axis] ?? 1, dilations[axis] ?? 1);
      const padding = (pads.before[axis] ?? 0) + (pads.after[axis] ?? 0);
      return size + padding - ((outer[axis] ?? 0) - 1) * stride - reach;
    });
    return ops.emit('ConvTranspose', [dy, kernel], {
      attributes: {
        strides,
        dilations,
        group,
        pads: [...pads.before, ...pads.after],
        output_padding: left,
      },
    });
  }
  const { before } = coveredRange(ops, window, x, dy, extents(ops, window, kernel));
  return spreadWindows(ops, window, { dy, kernel, inner: x }, { before, group });
}

/** How far a window reaches, int64 [rank]. */
function extents(ops: Operations, window: Window, kernel: Value): Value {
  const lengths = ops.sub(spatialSizes(ops, kernel, window.rank), ops.int64([1]));
  return ops.add(ops.mul(lengths, ops.int64(window.dilations)), ops.int64([1]));
}

/**
 * dW[m, c, k] = Σ_n Σ_j dY[n, m, j] X[n, c, j·stride + k·dilation]: a convolution in which samples are the
 * channels to be summed, and stride and dilation change places.
 */
function gradientOfKernel(
  ops: Operations,
  window: Window,
  { dy, kernel, x }: ConvolutionOperands,
  group: number,
): Value {
  const { rank, strides, dilations } = window;
  const range = coveredRange(ops, window, x, dy, extents(ops, window, kernel));
  const spatial = Array.from({ length: rank }, (_, axis) => axis + 2);
  const samplesAsChannels = [1, 0, ...spatial];
  const padded = padToWindows(ops, window, x, range);
  const images = groupsAsChannels(ops, padded, rank, group);
  const kernels = ops.transpose(dy, samplesAsChannels);
  const product = ops.emit('Conv', [images, kernels], {
    attributes: { strides: dilations, dilations: strides, group },
  });
  return ops.transpose(product, samplesAsChannels);
}

/** [N, g·C, …] to [C, g·N, …]: each group's samples side by side. */
function groupsAsChannels(ops: Operations, x: Value, rank: number, group: number): Value {
  const spatial = Array.from({ length: rank }, (_, axis) => axis + 2);
  if (group === 1) return ops.transpose(x, [1, 0, ...spatial]);
  const [samples, channels, sizes] = [ops.size(x, 0), ops.size(x, 1), spatialSizes(ops, x, rank)];
  const groups = ops.int64([group]);
  const share = ops.div(channels, groups);
  const split = ops.reshape(x, ops.concat([samples, groups, share, sizes], 0));
  const moved = ops.transpose(split, [2, 1, 0, ...spatial.map((axis) => axis + 1)]);
  return ops.reshape(moved, ops.concat([share, ops.mul(groups, samples), sizes], 0));
}

function sumOverPositions(ops: Operations, dy: Value, rank: number): Value {
  const spatial = Array.from({ length: rank }, (_, axis) => axis + 2);
  return ops.reduceSum(dy, [0, ...spatial], false);
}
