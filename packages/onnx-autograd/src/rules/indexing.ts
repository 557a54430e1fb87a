import type { GradientRule } from '../differentiate/gradient-rule.js';
import { scatterAlongAxis, shapeAround } from './scatter-along-axis.js';

/** Gather: rows are added back to where they were taken from. */
export const gather: GradientRule = ({ ops, input, gradOutput, attributes, shapeOf }) => {
  const axis = attributes.int('axis', 0);
  const data = input(0);
  // Negative indices count from the end; ScatterND knows them too.
  const flat = ops.cast(ops.reshape(input(1), [-1]), 'int64');
  const [before, after] = shapeAround(ops, ops.shape(data), axis);
  const dy = ops.reshape(gradOutput(0), ops.concat([before, ops.shape(flat), after], 0), {
    allowzero: 1,
  });
  return [scatterAlongAxis(ops, dy, flat, ops.size(data, axis), axis, shapeOf(0)?.length), null];
};

/** Compress: what was kept goes back to its place. */
export const compress: GradientRule = ({ ops, input, gradOutput, attributes, shapeOf }) => {
  const axis = attributes.int('axis');
  const data = input(0);
  const kept = ops.reshape(ops.emit('NonZero', [ops.cast(input(1), 'int64')]), [-1]);
  if (axis !== undefined) {
    const size = ops.size(data, axis);
    return [scatterAlongAxis(ops, gradOutput(0), kept, size, axis, shapeOf(0)?.length), null];
  }
  const count = ops.reshape(ops.emit('Size', [data]), [1]);
  return [ops.reshapeLike(scatterAlongAxis(ops, gradOutput(0), kept, count, 0, 1), data), null];
};

export const gatherElements: GradientRule = ({ ops, input, gradOutput, attributes }) => [
  ops.scatterElementsAdd(
    ops.zerosLike(input(0)),
    input(1),
    gradOutput(0),
    attributes.int('axis', 0),
  ),
  null,
];

export const gatherNd: GradientRule = ({
  ops,
  input,
  gradOutput,
  attributes,
  unsupported,
  rankOf,
}) => {
  const batch = attributes.int('batch_dims', 0);
  if (batch === 0)
    return [ops.scatterNdAdd(ops.zerosLike(input(0)), input(1), gradOutput(0)), null];
  // With batch dimensions the indices are completed by those of the batch.
  const rank = rankOf(1);
  if (batch > rank - 1) unsupported(`has batch_dims ${batch} and indices of rank ${rank}`);
  const indices = input(1);
  const shape = ops.shape(indices);
  const prefix = ops.slice(shape, 0, rank - 1, 0);
  const columns = Array.from({ length: batch }, (_, axis) => {
    const ones = Array.from({ length: rank }, (_unused, other) => other).filter(
      (other) => other !== axis,
    );
    const counted = ops.unsqueeze(ops.range(ops.size(indices, axis)), ones);
    return ops.expand(counted, ops.concat([prefix, ops.int64([1])], 0));
  });
  const complete = ops.concat([...columns, indices], -1);
  return [ops.scatterNdAdd(ops.zerosLike(input(0)), complete, gradOutput(0)), null];
};

/** ScatterElements: replaced elements lose their gradient, updates get what is at their place. */
export const scatterElements: GradientRule = ({
  ops,
  input,
  gradOutput,
  attributes,
  needs,
  unsupported,
}) => {
  const axis = attributes.int('axis', 0);
  const reduction = attributes.string('reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add')
    unsupported(`does not know reduction "${reduction}"`);
  const dy = gradOutput(0);
  const data = (): string => {
    if (reduction === 'add') return dy;
    const zeros = ops.zerosLike(input(2));
    return ops.emit('ScatterElements', [dy, input(1), zeros], { attributes: { axis } });
  };
  return [
    needs(0) ? data() : null,
    null,
    needs(2) ? ops.emit('GatherElements', [dy, input(1)], { attributes: { axis } }) : null,
  ];
};

export const scatterNd: GradientRule = ({
  ops,
  input,
  gradOutput,
  attributes,
  needs,
  unsupported,
}) => {
  const reduction = attributes.string('reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add')
    unsupported(`does not know reduction "${reduction}"`);
  const dy = gradOutput(0);
  const data = (): string =>
    reduction === 'add' ? dy : ops.emit('ScatterND', [dy, input(1), ops.zerosLike(input(2))]);
  return [needs(0) ? data() : null, null, needs(2) ? ops.emit('GatherND', [dy, input(1)]) : null];
};

/** TopK: the gradient of the values goes back to the places that were picked. */
export const topK: GradientRule = ({ ops, input, output, gradOutput, attributes }) => {
  const zeros = ops.zerosLike(input(0));
  const axis = attributes.int('axis', -1);
  return [ops.scatterElementsAdd(zeros, output(1), gradOutput(0), axis), null];
};
