import type { GradientRule } from '../../src/index.js';

// y = x³:  dx = 3x² dy
export const cube: GradientRule = ({ ops, input, gradOutput }) => [
  ops.mul(ops.mul(ops.square(input(0)), 3), gradOutput(0)),
];
