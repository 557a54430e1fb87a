import type { Dimension } from '../codec/model.js';
import type { InferenceContext, InferenceRule } from './inference-rule.js';
import { freshShape } from './movement.js';
import { knownShape } from './tensor-info.js';

/** Number of windows along a spatial axis, if it is certain before the graph runs. */
function windowCount(
  { attributes }: InferenceContext,
  size: Dimension | undefined,
  kernel: Dimension | undefined,
  axis: number,
  rank: number,
): number | undefined {
  if (typeof size !== 'number' || typeof kernel !== 'number') return undefined;
  // Which windows count when rounding up differs between versions.
  if (attributes.int('ceil_mode', 0) !== 0) return undefined;
  const stride = attributes.ints('strides')?.[axis] ?? 1;
  const reach = (kernel - 1) * (attributes.ints('dilations')?.[axis] ?? 1) + 1;
  const mode = attributes.string('auto_pad', 'NOTSET');
  if (mode.startsWith('SAME')) return Math.ceil(size / stride);
  const pads = mode === 'NOTSET' ? attributes.ints('pads') : undefined;
  const padded = size + (pads?.[axis] ?? 0) + (pads?.[axis + rank] ?? 0);
  return Math.floor((padded - reach) / stride) + 1;
}

export const convolution: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  const weight = knownShape(context.input(1));
  if (dims === undefined) return [{ type: info?.type, shape: context.symbols.shape() }];
  const rank = dims.length - 2;
  const kernel = context.attributes.ints('kernel_shape') ?? weight?.slice(2);
  const spatial = dims
    .slice(2)
    .map(
      (size, axis) =>
        windowCount(context, size, kernel?.[axis], axis, rank) ?? context.symbols.dimension(),
    );
  const channels = weight?.[0] ?? context.symbols.dimension();
  return [{ type: info?.type, shape: [dims[0] ?? 1, channels, ...spatial] }];
};

export const convolutionTranspose: InferenceRule = (context) => {
  const { attributes, symbols } = context;
  const info = context.input(0);
  const dims = knownShape(info);
  const weight = knownShape(context.input(1));
  if (dims === undefined) return [{ type: info?.type, shape: symbols.shape() }];
  const rank = dims.length - 2;
  const kernel = attributes.ints('kernel_shape') ?? weight?.slice(2);
  const wanted = attributes.ints('output_shape');
  const isPlain = attributes.string('auto_pad', 'NOTSET') === 'NOTSET' && wanted === undefined;
  const spatial = dims.slice(2).map((size, axis): Dimension => {
    const width = kernel?.[axis];
    if (!isPlain || typeof size !== 'number' || typeof width !== 'number')
      return symbols.dimension();
    const pads = attributes.ints('pads');
    return (
      (size - 1) * (attributes.ints('strides')?.[axis] ?? 1) +
      (attributes.ints('output_padding')?.[axis] ?? 0) +
      (width - 1) * (attributes.ints('dilations')?.[axis] ?? 1) +
      1 -
      (pads?.[axis] ?? 0) -
      (pads?.[axis + rank] ?? 0)
    );
  });
  const share = weight?.[1];
  const channels =
    typeof share === 'number' ? share * attributes.int('group', 1) : symbols.dimension();
  return [{ type: info?.type, shape: [dims[0] ?? 1, channels, ...spatial] }];
};

/** Pooling; MaxPool's second output holds indices. */
export const pool: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  const kernel = context.attributes.ints('kernel_shape');
  if (dims === undefined) {
    const shape = context.symbols.shape();
    return [
      { type: info?.type, shape },
      { type: 'int64', shape },
    ];
  }
  const rank = dims.length - 2;
  const spatial = dims
    .slice(2)
    .map(
      (size, axis) =>
        windowCount(context, size, kernel?.[axis], axis, rank) ?? context.symbols.dimension(),
    );
  const shape = [...dims.slice(0, 2), ...spatial];
  return [
    { type: info?.type, shape },
    { type: 'int64', shape },
  ];
};

export const globalPool: InferenceRule = ({ input, symbols }) => {
  const info = input(0);
  const dims = knownShape(info);
  const shape = dims?.map((value, axis) => (axis < 2 ? value : 1)) ?? symbols.shape();
  return [{ type: info?.type, shape }];
};

/** GridSample: samples and channels of the first input, places of the second. */
export const gridSample: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  const grid = knownShape(context.input(1));
  if (dims === undefined) return [{ type: info?.type, shape: context.symbols.shape() }];
  const spatial = grid?.slice(1, -1) ?? freshShape(context, dims.length - 2);
  return [{ type: info?.type, shape: [...dims.slice(0, 2), ...spatial] }];
};

/** Losses over classes: the labels' shape without reduction, else a scalar; then the log-probabilities. */
export const classLoss: InferenceRule = ({ input, attributes, symbols }) => {
  const scores = input(0);
  const isReduced = attributes.string('reduction', 'mean') !== 'none';
  return [
    { type: scores?.type, shape: isReduced ? [] : (input(1)?.shape ?? symbols.shape()) },
    scores === undefined ? undefined : { type: scores.type, shape: scores.shape },
  ];
};
