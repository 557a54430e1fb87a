import type { GradientRule, RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';

/** A vector with one number a channel, [C], in a shape that broadcasts over [N, C, …]. */
function overChannels(ops: Operations, vector: Value, like: Value): Value {
  const rank = ops.rankOf(like);
  if (rank !== undefined) {
    return ops.reshape(vector, [-1, ...new Array<number>(Math.max(0, rank - 2)).fill(1)]);
  }
  const spatial = ops.sub(ops.emit('Shape', [ops.emit('Shape', [like])]), ops.int64([2]));
  return ops.reshape(vector, ops.concat([ops.int64([-1]), ops.fill(spatial, 1, 'int64')], 0));
}

/** Sums a tensor [N, C, …] to one number a channel. */
function sumOverChannels(ops: Operations, x: Value): Value {
  const grouped = splitChannels(ops, x, undefined);
  return ops.reduceSum(grouped, [0, 2], false);
}

/** [N, C, …] as [N, groups, rest]; each channel is a group where no number is given. */
function splitChannels(ops: Operations, x: Value, groups: number | undefined): Value {
  const shape = ops.shape(x);
  const samples = ops.size(x, 0);
  const parts = groups === undefined ? ops.size(x, 1) : ops.int64([groups]);
  const all = ops.emit('ReduceProd', [ops.slice(shape, 1, Number.MAX_SAFE_INTEGER, 0)], {
    attributes: { keepdims: 1 },
  });
  // No channels at all: the division must not be by zero.
  const divisor = ops.emit('Max', [parts, ops.int64([1])]);
  return ops.reshape(x, ops.concat([samples, parts, ops.div(all, divisor)], 0), { allowzero: 1 });
}

/**
 * BatchNormalization as inference runs it, with fixed statistics: x̂ = (x − μ)·r, r = 1/√(σ² + ε), y = γx̂ + β
 *
 *   dx = dy γr;  dγ = Σ dy x̂;  dβ = Σ dy;  dμ = −γr Σ dy;  dσ² = −½ γr² Σ dy x̂
 */
export const batchNormalization: GradientRule = (context) => {
  const { node, ops, input, gradOutput, needs, attributes, unsupported } = context;
  const outputs = node.outputs.filter((name) => name !== '').length;
  if (attributes.int('training_mode', 0) !== 0 || outputs > 1) {
    unsupported('is for inference: in training mode the statistics depend on the batch');
  }
  const [x, dy] = [input(0), gradOutput(0)];
  const channels = (vector: Value): Value => overChannels(ops, vector, x);
  const inverse = ops.reciprocal(ops.sqrt(ops.add(input(4), attributes.float('epsilon', 1e-5))));
  const factor = ops.mul(input(1), inverse);
  const normalized = (): Value => ops.mul(ops.sub(x, channels(input(3))), channels(inverse));
  const total = (): Value => sumOverChannels(ops, dy);
  const weighted = (): Value => sumOverChannels(ops, ops.mul(dy, normalized()));
  return [
    needs(0) ? ops.mul(dy, channels(factor)) : null,
    needs(1) ? weighted() : null,
    needs(2) ? total() : null,
    needs(3) ? ops.neg(ops.mul(factor, total())) : null,
    needs(4) ? ops.mul(ops.mul(ops.mul(factor, inverse), weighted()), -0.5) : null,
  ];
};

/** x̂ and r of rows [N, G, M], by their last axis. */
function standardize(
  ops: Operations,
  rows: Value,
  epsilon: number,
): { readonly normalized: Value; readonly inverse: Value } {
  const centered = ops.sub(rows, ops.reduceMean(rows, [-1], true));
  const variance = ops.reduceMean(ops.square(centered), [-1], true);
  const inverse = ops.reciprocal(ops.sqrt(ops.add(variance, epsilon)));
  return { normalized: ops.mul(centered, inverse), inverse };
}

/** r·(u − mean(u) − x̂·mean(u x̂)), u the gradient of x̂. */
function throughStandardization(
  ops: Operations,
  u: Value,
  { normalized, inverse }: { readonly normalized: Value; readonly inverse: Value },
): Value {
  const projection = ops.mul(normalized, ops.reduceMean(ops.mul(u, normalized), [-1], true));
  return ops.mul(inverse, ops.sub(ops.sub(u, ops.reduceMean(u, [-1], true)), projection));
}

/** Rule of a normalization in which each of `groups` groups of channels has its own statistics. */
function groupedNormalization(
  context: RuleContext,
  groups: number | undefined,
  spread: (vector: Value) => Value,
  collect: (product: Value) => Value,
): (Value | null)[] {
  const { ops, input, gradOutput, needs, attributes } = context;
  const [x, dy] = [input(0), gradOutput(0)];
  const statistics = standardize(
    ops,
    splitChannels(ops, x, groups),
    attributes.float('epsilon', 1e-5),
  );
  const gradientX = (): Value => {
    const u = splitChannels(ops, ops.mul(dy, spread(input(1))), groups);
    return ops.reshapeLike(throughStandardization(ops, u, statistics), x);
  };
  return [
    needs(0) ? gradientX() : null,
    needs(1) ? collect(ops.mul(dy, ops.reshapeLike(statistics.normalized, x))) : null,
    needs(2) ? collect(dy) : null,
  ];
}

export const instanceNormalization: GradientRule = (context) => {
  const { ops, input } = context;
  return groupedNormalization(
    context,
    undefined,
    (vector) => overChannels(ops, vector, input(0)),
    (product) => sumOverChannels(ops, product),
  );
};

/** GroupNormalization: scale and bias are one a channel, and one a group before operator set 21. */
export const groupNormalization: GradientRule = (context) => {
  const { ops, input, attributes, opset, unsupported } = context;
  const groups = attributes.int('num_groups') ?? unsupported('needs num_groups');
  const x = input(0);
  if (opset >= 21) {
    return groupedNormalization(
      context,
      groups,
      (vector) => overChannels(ops, vector, x),
      (product) => sumOverChannels(ops, product),
    );
  }
  const perChannel = (vector: Value): Value => {
    const share = ops.div(ops.size(x, 1), ops.int64([groups]));
    const column = ops.reshape(vector, [groups, 1]);
    const spread = ops.expand(column, ops.concat([ops.int64([1]), share], 0));
    return overChannels(ops, ops.reshape(spread, [-1]), x);
  };
  return groupedNormalization(context, groups, perChannel, (product) =>
    ops.reduceSum(splitChannels(ops, product, groups), [0, 2], false),
  );
};

// y = c/s, c = x − μ, s = σ + ε:  dx = (u − mean(u)), u = dy/s − c mean(dy c)/(s² σ)
export const meanVarianceNormalization: GradientRule = ({ ops, input, gradOutput, attributes }) => {
  const axes = attributes.ints('axes') ?? [0, 2, 3];
  const [x, dy] = [input(0), gradOutput(0)];
  const centered = ops.sub(x, ops.reduceMean(x, axes, true));
  const deviation = ops.sqrt(ops.reduceMean(ops.square(centered), axes, true));
  // The operator's definition adds this to the deviation.
  const divisor = ops.add(deviation, 1e-9);
  const scaled = ops.div(dy, divisor);
  const slope = ops.div(ops.reduceMean(ops.mul(scaled, centered), axes, true), divisor);
  const u = ops.sub(scaled, ops.mul(centered, ops.div(slope, deviation)));
  return [ops.sub(u, ops.reduceMean(u, axes, true))];
};

/**
 * LRN: y = x S^(−β), S = k + α/n Σ x² over n neighboring channels:
 *
 *   dx = dy S^(−β) − 2αβ/n · x · Σ' dy x S^(−β−1),  Σ' over the channels that have x among their neighbors
 */
export const localResponseNormalization: GradientRule = (context) => {
  const { ops, input, gradOutput, attributes, unsupported } = context;
  const size = attributes.int('size') ?? unsupported('needs size');
  const [alpha, beta] = [attributes.float('alpha', 1e-4), attributes.float('beta', 0.75)];
  const [x, dy] = [input(0), gradOutput(0)];
  const [below, above] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const squares = sumOfNeighbors(ops, ops.square(x), below, above);
  const scale = ops.add(ops.mul(squares, alpha / size), attributes.float('bias', 1));
  const direct = ops.mul(dy, ops.pow(scale, -beta));
  const inner = ops.mul(direct, ops.div(x, scale));
  const neighbors = sumOfNeighbors(ops, inner, above, below);
  const indirect = ops.mul(ops.mul(x, neighbors), (2 * alpha * beta) / size);
  return [ops.sub(direct, indirect)];
};

/** Σ over the channels from `below` before to `above` after each channel. */
function sumOfNeighbors(ops: Operations, x: Value, below: number, above: number): Value {
  const rank = ops.requireRank(x);
  const pads = new Array<number>(2 * rank).fill(0);
  pads[1] = below;
  pads[rank + 1] = above;
  const padded = ops.emit('Pad', [x, ops.int64(pads)]);
  const count = ops.size(x, 1);
  let sum = ops.slice(padded, 0, count, 1);
  for (let shift = 1; shift <= below + above; shift++) {
    const end = ops.add(count, ops.int64([shift]));
    sum = ops.add(sum, ops.slice(padded, shift, end, 1));
  }
  return sum;
}
