import type { GradientRule, RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';
import { coveredRange, extent, padToWindows, readWindow, spreadWindows } from './window.js';

/** MaxPool: the gradient goes to the element that was picked, the first one of a tie. */
export const maxPool: GradientRule = (context) => {
  const { node, ops, input, gradOutput, hasOutput, output, attributes } = context;
  const x = input(0);
  const isRowMajor = attributes.int('storage_order', 0) === 0;
  let indices: Value;
  if (hasOutput(1) && isRowMajor) indices = output(1);
  else {
    indices = ops.builder.freshName('MaxPoolIndices');
    const attributesOfCopy = node.attributes.filter(({ name }) => name !== 'storage_order');
    const values = ops.builder.freshName('MaxPool');
    ops.builder.addNode({
      ...node,
      name: values,
      inputs: [x],
      outputs: [values, indices],
      attributes: attributesOfCopy,
    });
  }
  // Indices count through the whole tensor.
  const flat = ops.reshape(x, [-1]);
  const rows = (value: Value): Value => ops.reshape(value, [-1]);
  const scattered = ops.scatterElementsAdd(
    ops.zerosLike(flat),
    rows(indices),
    rows(gradOutput(0)),
    0,
  );
  return [ops.reshapeLike(scattered, x)];
};

/** Spreads one number a window over all elements of it; channels are seen as samples. */
function spreadOverWindows(context: RuleContext, weights: (geometry: Geometry) => Value): Value {
  const { ops, input, attributes, unsupported, typeOf } = context;
  const kernel = attributes.ints('kernel_shape') ?? unsupported('needs kernel_shape');
  const rank = kernel.length;
  const window = readWindow(context, rank);
  const type = typeOf(0);
  const one = [1, 1, ...kernel];
  const elements = kernel.reduce((product, size) => product * size, 1);
  const kernelOfOnes = ops.builder.constant(type, one, new Array<number>(elements).fill(1));
  const x = input(0);
  const outer = context.output(0);
  const reach = kernel.map((size, axis) => extent(size, window.dilations[axis] ?? 1));
  const range = coveredRange(ops, window, x, outer, ops.int64(reach));
  const geometry: Geometry = {
    countOfValid: () => {
      const ones = ops.fill(oneImageShape(ops, x, rank), 1, type);
      const padded = padToWindows(ops, window, ones, range);
      const { strides, dilations } = window;
      return ops.emit('Conv', [padded, kernelOfOnes], { attributes: { strides, dilations } });
    },
    ones: () => ops.fill(oneImageShape(ops, x, rank), 1, type),
  };
  const sizes = ops.slice(ops.shape(outer), 2, rank + 2, 0);
  const images = ops.mul(ops.size(x, 0), ops.size(x, 1));
  const dy = ops.reshape(weights(geometry), ops.concat([images, ops.int64([1]), sizes], 0), {
    allowzero: 1,
  });
  const spread = spreadWindows(
    ops,
    window,
    { dy, kernel: kernelOfOnes, inner: x },
    { before: range.before, group: 1 },
  );
  return ops.reshapeLike(spread, x);
}

interface Geometry {
  /** Elements of each window that are not padding, [1, 1, …]. */
  readonly countOfValid: () => Value;
  /** An image of ones, [1, 1, …]. */
  readonly ones: () => Value;
}

function oneImageShape(ops: Operations, x: Value, rank: number): Value {
  return ops.concat([ops.int64([1, 1]), ops.slice(ops.shape(x), 2, rank + 2, 0)], 0);
}

/**
 * AveragePool: each window's gradient, divided as the average was, goes to all of its elements.
 *
 * The divisor is asked from the operator itself: pooling an image of ones gives (valid elements / divisor),
 * whatever `count_include_pad` and `ceil_mode` say.
 */
export const averagePool: GradientRule = (context) => {
  const { node, ops, gradOutput } = context;
  const weights = ({ countOfValid, ones }: Geometry): Value => {
    const share = ops.builder.freshName('AveragePool');
    ops.builder.addNode({ ...node, name: share, inputs: [ones()], outputs: [share] });
    return ops.mul(gradOutput(0), ops.div(share, countOfValid()));
  };
  return [spreadOverWindows(context, weights)];
};

// y = (Σ |x|^p)^(1/p):  dx = sign(x) |x|^(p−1) · dy y^(1−p)
export const lpPool: GradientRule = (context) => {
  const { ops, input, output, gradOutput, attributes } = context;
  const p = attributes.int('p', 2);
  const scaled = scaledByNorm(ops, gradOutput(0), output(0), p);
  return [
    ops.mul(
      powerSlope(ops, input(0), p),
      spreadOverWindows(context, () => scaled),
    ),
  ];
};

/** dy · y^(1−p); where the norm is 0 so is the gradient. */
function scaledByNorm(ops: Operations, dy: Value, y: Value, p: number): Value {
  if (p === 1) return dy;
  const isZero = ops.equal(y, 0);
  return ops.where(isZero, 0, ops.mul(dy, ops.pow(ops.where(isZero, 1, y), 1 - p)));
}

/** sign(x) |x|^(p−1) */
function powerSlope(ops: Operations, x: Value, p: number): Value {
  if (p === 2) return x;
  if (p === 1) return ops.sign(x);
  return ops.mul(ops.sign(x), ops.pow(ops.emit('Abs', [x]), p - 1));
}

export const globalAveragePool: GradientRule = ({ ops, input, output, gradOutput }) => {
  const x = input(0);
  const divisor = ops.emit('Max', [ops.emit('Size', [output(0)]), ops.int64Scalar(1)]);
  const count = ops.cast(ops.div(ops.emit('Size', [x]), divisor), ops.typeOf(x));
  return [ops.expand(ops.div(gradOutput(0), count), ops.shape(x))];
};

// The maximum shares its gradient evenly between ties, as ReduceMax does.
export const globalMaxPool: GradientRule = ({ ops, input, output, gradOutput }) => {
  const x = input(0);
  const mask = ops.indicator(ops.equal(x, output(0)), gradOutput(0));
  // All axes but the first two, whatever their number.
  const axes = ops.slice(
    ops.range(ops.shape(ops.emit('Shape', [x]))),
    2,
    Number.MAX_SAFE_INTEGER,
    0,
  );
  const ties = ops.reduceSum(mask, axes, true);
  return [ops.mul(mask, ops.div(gradOutput(0), ties))];
};

export const globalLpPool: GradientRule = ({ ops, input, output, gradOutput, attributes }) => {
  const p = attributes.int('p', 2);
  const scaled = scaledByNorm(ops, gradOutput(0), output(0), p);
  return [ops.mul(powerSlope(ops, input(0), p), scaled)];
};
