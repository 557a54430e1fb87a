import type { RuleCase } from '../../support/check-rule.js';
import { float, ints, node, spread } from '../../support/graphs.js';

const operators = [
  { operator: 'ReduceSum' },
  { operator: 'ReduceMean' },
  { operator: 'ReduceMax' },
  { operator: 'ReduceMin' },
  { operator: 'ReduceProd' },
  { operator: 'ReduceL1' },
  { operator: 'ReduceL2' },
  { operator: 'ReduceSumSquare' },
  { operator: 'ReduceLogSum', low: 0.2 },
  { operator: 'ReduceLogSumExp' },
] as const;

const general: readonly RuleCase[] = operators.flatMap((entry, position): RuleCase[] => {
  const { operator } = entry;
  const low = 'low' in entry ? entry.low : -2;
  const x = spread([2, 3, 2], position, { low });
  return [0, 1].flatMap((keepdims): RuleCase[] => [
    ...([[1], [0, 2], [-1], [-3, 1]] as const).map(
      (axes): RuleCase => ({
        rule: operator,
        about: `along [${axes}], keepdims ${keepdims}`,
        nodes: [node(operator, 'x a', 'y', { keepdims })],
        inputs: { x },
        constants: { a: ints(...axes) },
      }),
    ),
    {
      rule: operator,
      about: `along axes that are an input, keepdims ${keepdims}`,
      nodes: [node(operator, 'x a', 'y', { keepdims })],
      inputs: { x, a: ints(-1, 0) },
    },
    {
      rule: operator,
      about: `of everything, keepdims ${keepdims}`,
      nodes: [node(operator, 'x', 'y', { keepdims })],
      inputs: { x },
    },
    {
      rule: operator,
      about: `along no axes as an input, which is everything, keepdims ${keepdims}`,
      nodes: [node(operator, 'x a', 'y', { keepdims })],
      inputs: { x, a: ints() },
    },
    {
      rule: operator,
      about: `in operator set 17, keepdims ${keepdims}`,
      opset: 17,
      nodes:
        operator === 'ReduceSum'
          ? [node(operator, 'x a', 'y', { keepdims })]
          : [node(operator, 'x', 'y', { keepdims, axes: [-2] })],
      inputs: { x },
      ...(operator === 'ReduceSum' ? { constants: { a: ints(-2) } } : {}),
    },
  ]);
});

const noop: readonly RuleCase[] = operators.map(
  ({ operator }, position): RuleCase => ({
    rule: operator,
    about: 'of nothing, noop_with_empty_axes',
    nodes: [node(operator, 'x a', 'y', { noop_with_empty_axes: 1, keepdims: 0 })],
    inputs: { x: spread([2, 3], position, { low: 0.3 }) },
    constants: { a: ints() },
  }),
);

const shapes: readonly RuleCase[] = operators.flatMap(({ operator }, position): RuleCase[] => [
  {
    rule: operator,
    about: 'along an axis of 1',
    nodes: [node(operator, 'x a', 'y', { keepdims: 0 })],
    inputs: { x: spread([2, 1], position, { low: 0.3 }) },
    constants: { a: ints(1) },
  },
  ...(['ReduceMax', 'ReduceMin'].includes(operator)
    ? []
    : [
        {
          rule: operator,
          about: 'of an empty tensor',
          nodes: [node(operator, 'x a', 'y', { keepdims: 1 })],
          inputs: { x: spread([0, 2], position) },
          constants: { a: ints(1) },
        },
      ]),
]);

const exact: readonly RuleCase[] = [
  {
    rule: 'ReduceMax',
    about: 'shares a tie evenly',
    nodes: [node('ReduceMax', 'x a', 'y', { keepdims: 0 })],
    inputs: { x: float([2, 3], [1, 3, 3, 2, 2, 2]) },
    constants: { a: ints(1) },
    cotangents: { y: [6, 6] },
    expected: { kind: 'exact', gradients: { x: [0, 3, 3, 2, 2, 2] } },
  },
  {
    rule: 'ReduceMin',
    about: 'shares a tie evenly',
    nodes: [node('ReduceMin', 'x a', 'y', { keepdims: 0 })],
    inputs: { x: float([2, 3], [1, 3, 1, 2, 2, 2]) },
    constants: { a: ints(1) },
    cotangents: { y: [6, 6] },
    expected: { kind: 'exact', gradients: { x: [3, 0, 3, 2, 2, 2] } },
  },
  {
    rule: 'ReduceL2',
    about: 'of zeros is 0',
    nodes: [node('ReduceL2', 'x a', 'y', { keepdims: 0 })],
    inputs: { x: float([2, 2], [0, 0, 3, 4]) },
    constants: { a: ints(1) },
    cotangents: { y: [1, 5] },
    expected: { kind: 'exact', gradients: { x: [0, 0, 3, 4] } },
  },
  {
    rule: 'ReduceL1',
    about: 'at 0 is 0',
    nodes: [node('ReduceL1', 'x', 'y', { keepdims: 0 })],
    inputs: { x: float([3], [-1, 0, 1]) },
    cotangents: { y: [1] },
    expected: { kind: 'exact', gradients: { x: [-1, 0, 1] } },
  },
  {
    rule: 'ReduceProd',
    about: 'with no zero, one and two in a row, and negative numbers',
    nodes: [node('ReduceProd', 'x a', 'y', { keepdims: 0 })],
    inputs: { x: float([4, 3], [2, -3, 4, 2, 0, -4, 0, 3, 0, -1, -2, -3]) },
    constants: { a: ints(1) },
  },
  {
    rule: 'ReduceLogSumExp',
    about: 'of large numbers',
    nodes: [node('ReduceLogSumExp', 'x', 'y', { keepdims: 0 })],
    inputs: { x: float([3], [1000, 1001, 999]) },
    cotangents: { y: [1] },
    expected: {
      kind: 'exact',
      gradients: {
        x: [0, 1, -1].map((shift) => Math.exp(shift) / (1 + Math.E + Math.exp(-1))),
      },
    },
  },
];

export const reductionCases: readonly RuleCase[] = [...general, ...noop, ...shapes, ...exact];
