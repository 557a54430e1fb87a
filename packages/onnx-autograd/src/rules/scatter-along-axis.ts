import type { RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';
import { normalizeAxis } from '../inference/tensor-info.js';

/**
 * Adds slices of `gradient` into zeros along one axis.
 *
 * @param positions Where each slice goes, int64 [N]; `gradient` has size N along the axis.
 * @param size Size of the axis in the result, int64 [1].
 * @param rank Rank of `gradient`, `undefined` where it is known only at run time.
 */
export function scatterAlongAxis(
  ops: Operations,
  gradient: Value,
  positions: Value,
  size: Value,
  axis: number,
  rank: number | undefined,
): Value {
  if (rank === undefined) return scatterInThreeAxes(ops, gradient, positions, size, axis);
  const first = normalizeAxis(axis, rank);
  const order = [
    first,
    ...Array.from({ length: rank }, (_, other) => other).filter((other) => other !== first),
  ];
  const placed = scatterRows(ops, ops.transpose(gradient, order), positions, size);
  return ops.transpose(
    placed,
    order.map((_, index) => order.indexOf(index)),
  );
}

/** The shape before an axis and after it, int64 tensors; the axis may count from the end. */
export function shapeAround(ops: Operations, shape: Value, axis: number): [Value, Value] {
  const after =
    axis === -1 ? ops.int64([]) : ops.slice(shape, axis + 1, Number.MAX_SAFE_INTEGER, 0);
  return [ops.slice(shape, 0, axis, 0), after];
}

/** The same with all axes before the axis as one, and all after it as one. */
function scatterInThreeAxes(
  ops: Operations,
  gradient: Value,
  positions: Value,
  size: Value,
  axis: number,
): Value {
  const [before, after] = shapeAround(ops, ops.shape(gradient), axis);
  const product = (sizes: Value): Value =>
    ops.emit('ReduceProd', [ops.concat([ops.int64([1]), sizes], 0)], {
      attributes: { keepdims: 1 },
    });
  const three = ops.concat([product(before), ops.shape(positions), product(after)], 0);
  const rows = ops.transpose(ops.reshape(gradient, three, { allowzero: 1 }), [1, 0, 2]);
  const placed = ops.transpose(scatterRows(ops, rows, positions, size), [1, 0, 2]);
  return ops.reshape(placed, ops.concat([before, size, after], 0), { allowzero: 1 });
}

/**
 * Gradient of an operator that copies elements of `x` elsewhere: the operator moves the elements' numbers
 * 0, 1, 2, … in their stead, and each part of `dy` is added to the element that its number names.
 */
export function addWhereTaken({ node, ops }: RuleContext, x: Value, dy: Value): Value {
  const count = ops.reshape(ops.emit('Size', [x]), [1]);
  const numbers = ops.reshapeLike(ops.range(count), x);
  const moved = ops.builder.freshName(`${node.operator}Numbers`);
  const inputs = [numbers, ...node.inputs.slice(1)];
  ops.builder.addNode({ ...node, name: moved, inputs, outputs: [moved] });
  const zeros = ops.fill(count, 0, ops.typeOf(x));
  const flat = (value: Value): Value => ops.reshape(value, [-1]);
  return ops.reshapeLike(ops.scatterElementsAdd(zeros, flat(moved), flat(dy), 0), x);
}

function scatterRows(ops: Operations, rows: Value, positions: Value, size: Value): Value {
  const rest = ops.slice(ops.shape(rows), 1, Number.MAX_SAFE_INTEGER, 0);
  const zeros = ops.fill(ops.concat([size, rest], 0), 0, ops.typeOf(rows));
  return ops.scatterNdAdd(zeros, ops.unsqueeze(positions, [1]), rows);
}
