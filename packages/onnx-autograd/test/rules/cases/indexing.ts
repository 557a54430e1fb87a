import type { RuleCase } from '../../support/check-rule.js';
import { bool, float, int64, ints, node, spread, type TestTensor } from '../../support/graphs.js';

const gathers: readonly RuleCase[] = (
  [
    [[4, 3], 0, [2], [1, 1]],
    [[4, 3], 1, [2, 2], [0, 2, -1, 0]],
    [[4, 3], -1, [], [1]],
    [[2, 4, 3], 1, [3], [3, -4, 0]],
    [[2, 4, 3], -2, [2], [3, 3]],
    [[4], 0, [3], [1, 1, 1]],
    [[4], 0, [], [-1]],
    [[4, 3], 0, [0], []],
    [[4, 0], 0, [2], [1, 2]],
    [[1, 3], 0, [2], [0, 0]],
  ] as const
).flatMap(([dims, axis, shape, indices]): RuleCase[] =>
  [true, false].map((isConstant) => ({
    rule: 'Gather',
    about: `[${dims}] at [${indices}] along ${axis}, indices as ${isConstant ? 'a constant' : 'an input'}`,
    nodes: [node('Gather', 'x i', 'y', { axis })],
    inputs: { x: spread(dims, 1), ...(isConstant ? {} : { i: int64(shape, indices) }) },
    ...(isConstant ? { constants: { i: int64(shape, indices) } } : {}),
  })),
);

const others: readonly RuleCase[] = [
  {
    rule: 'Gather',
    about: 'with int32 indices',
    nodes: [node('Gather', 'x i', 'y')],
    inputs: { x: spread([4, 2], 2), i: { type: 'int32', dims: [3], values: [1, -1, 1] } },
  },
  ...([0, 1, -1] as const).map(
    (axis): RuleCase => ({
      rule: 'GatherElements',
      about: `along ${axis}, one element several times`,
      nodes: [node('GatherElements', 'x i', 'y', { axis })],
      inputs: { x: spread([3, 3], 3) },
      constants: { i: int64([2, 3], [0, 2, 0, -1, 2, 0]) },
    }),
  ),
  {
    rule: 'GatherElements',
    about: 'of nothing',
    nodes: [node('GatherElements', 'x i', 'y')],
    inputs: { x: spread([3, 2], 3), i: int64([0, 2], []) },
  },
  {
    rule: 'GatherND',
    about: 'of single elements, one twice, one from the end',
    nodes: [node('GatherND', 'x i', 'y')],
    inputs: { x: spread([3, 2], 4) },
    constants: { i: int64([3, 2], [0, 1, 0, 1, -1, 0]) },
  },
  {
    rule: 'GatherND',
    about: 'of rows, indices as an input',
    nodes: [node('GatherND', 'x i', 'y')],
    inputs: { x: spread([3, 2], 4), i: int64([2, 1], [2, 2]) },
  },
  {
    rule: 'GatherND',
    about: 'with one batch dimension',
    nodes: [node('GatherND', 'x i', 'y', { batch_dims: 1 })],
    inputs: { x: spread([2, 3, 2], 5), i: int64([2, 2, 1], [0, 2, 1, 1]) },
    needsRank: 'the batch dimensions complete the indices',
  },
  {
    rule: 'GatherND',
    about: 'with two batch dimensions',
    nodes: [node('GatherND', 'x i', 'y', { batch_dims: 2 })],
    inputs: { x: spread([2, 2, 3], 5), i: int64([2, 2, 1], [0, 2, 1, 1]) },
    needsRank: 'the batch dimensions complete the indices',
  },
  ...([0, 1, -1] as const).flatMap((axis): RuleCase[] =>
    ['none', 'add'].map((reduction) => ({
      rule: 'ScatterElements',
      about: `along ${axis}, reduction ${reduction}`,
      nodes: [node('ScatterElements', 'x i u', 'y', { axis, reduction })],
      inputs: { x: spread([3, 3], 6), u: spread([2, 2], 7) },
      constants: { i: int64([2, 2], axis === 0 ? [0, 1, 2, -1] : [0, 2, 1, -1]) },
    })),
  ),
  {
    rule: 'ScatterElements',
    about: 'that adds twice to one element',
    nodes: [node('ScatterElements', 'x i u', 'y', { reduction: 'add' })],
    inputs: { x: spread([3], 8), u: spread([3], 9), i: ints(1, 1, 0) },
  },
  {
    rule: 'ScatterElements',
    about: 'of a tensor into itself',
    nodes: [node('ScatterElements', 'x i x', 'y', { axis: 1 })],
    inputs: { x: spread([2, 3], 8) },
    constants: { i: int64([2, 3], [2, 0, 1, 1, 0, 2]) },
  },
  ...['none', 'add'].flatMap((reduction): RuleCase[] => [
    {
      rule: 'ScatterND',
      about: `of single elements, reduction ${reduction}`,
      nodes: [node('ScatterND', 'x i u', 'y', { reduction })],
      inputs: { x: spread([3, 2], 10), u: spread([2], 11), i: int64([2, 2], [0, 1, -1, 0]) },
    },
    {
      rule: 'ScatterND',
      about: `of rows, reduction ${reduction}`,
      nodes: [node('ScatterND', 'x i u', 'y', { reduction })],
      inputs: { x: spread([3, 2], 10), u: spread([2, 2], 11) },
      constants: { i: int64([2, 1], [2, 0]) },
    },
    {
      rule: 'ScatterND',
      about: `of nothing, reduction ${reduction}`,
      nodes: [node('ScatterND', 'x i u', 'y', { reduction })],
      inputs: { x: spread([3, 2], 10), u: spread([0, 2], 11), i: int64([0, 1], []) },
    },
  ]),
  ...(
    [
      [-1, 1, 1],
      [0, 0, 1],
      [1, 1, 0],
    ] as const
  ).flatMap(([axis, largest, sorted]): RuleCase[] => [
    {
      rule: 'TopK',
      about: `along ${axis}, largest ${largest}, sorted ${sorted}`,
      nodes: [node('TopK', 'x k', 'v i', { axis, largest, sorted })],
      inputs: { x: spread([3, 4], 12), ...(sorted === 1 ? {} : { k: ints(2) }) },
      ...(sorted === 1 ? { constants: { k: ints(2) } } : {}),
      outputs: ['v'],
    },
  ]),
  {
    rule: 'TopK',
    about: 'of no elements',
    nodes: [node('TopK', 'x k', 'v i')],
    inputs: { x: spread([3, 4], 12), k: ints(0) },
    outputs: ['v'],
  },
  ...([undefined, 0, 1, -1] as const).map(
    (axis): RuleCase => ({
      rule: 'Compress',
      about: `along ${axis ?? 'no axis'}`,
      nodes: [node('Compress', 'x c', 'y', { axis })],
      inputs: { x: spread([3, 3], 13) },
      constants: { c: bool([3], [1, 0, 1]) },
    }),
  ),
];

/** Sums from the first element, or the last, with or without the element itself. */
const cumulated: readonly RuleCase[] = [0, 1].flatMap((exclusive) =>
  [0, 1].flatMap((reverse): RuleCase[] => [
    ...([0, -1] as const).map(
      (axis): RuleCase => ({
        rule: 'CumSum',
        about: `along ${axis}, exclusive ${exclusive}, reverse ${reverse}`,
        nodes: [node('CumSum', 'x a', 'y', { exclusive, reverse })],
        inputs: { x: spread([3, 4], 14) },
        constants: { a: int64([], [axis]) },
      }),
    ),
    {
      rule: 'CumProd',
      about: `exclusive ${exclusive}, reverse ${reverse}`,
      opset: 26,
      nodes: [node('CumProd', 'x a', 'y', { exclusive, reverse })],
      inputs: { x: spread([2, 4], 15) },
      constants: { a: int64([], [1]) },
    },
    {
      rule: 'CumProd',
      about: `with zeros, exclusive ${exclusive}, reverse ${reverse}`,
      opset: 26,
      nodes: [node('CumProd', 'x a', 'y', { exclusive, reverse })],
      inputs: {
        x: float([4, 4], [1, 0, 2, 3, 0, 2, 3, 0, 1.5, -2, 0.5, 0, 0, 0, 2, 3]),
      },
      constants: { a: int64([], [1]) },
    },
  ]),
);

const sequences: readonly RuleCase[] = [
  {
    rule: 'CumSum',
    about: 'of an empty tensor',
    nodes: [node('CumSum', 'x a', 'y')],
    inputs: { x: spread([0, 3], 14) },
    constants: { a: int64([], [1]) },
  },
  {
    rule: 'ReverseSequence',
    about: 'with the time first',
    nodes: [node('ReverseSequence', 'x n', 'y', { time_axis: 0, batch_axis: 1 })],
    inputs: { x: spread([4, 3], 16) },
    constants: { n: ints(1, 3, 4) },
  },
  {
    rule: 'ReverseSequence',
    about: 'with the batch first',
    nodes: [node('ReverseSequence', 'x n', 'y', { time_axis: 1, batch_axis: 0 })],
    inputs: { x: spread([2, 4, 2], 16), n: ints(2, 3) },
  },
  {
    rule: 'Range',
    about: 'from a start, by a step, both differentiated',
    nodes: [node('Range', 'a l d', 'y')],
    inputs: { a: float([], [0.5]), d: float([], [0.3]) },
    constants: { l: float([], [2.2]) },
  },
  {
    rule: 'Range',
    about: 'downwards, and not at all',
    nodes: [
      node('Range', 'a l d', 'p'),
      node('Range', 'l a d', 'q'),
      node('Concat', 'p q', 'y', { axis: 0 }),
    ],
    inputs: { a: float([], [0.5]), d: float([], [-0.4]) },
    constants: { l: float([], [-1]) },
    wrt: ['a', 'd'],
  },
];

/** Where an output does not move with its input, what is multiplied by it is all that comes back. */
function zeroCase(rule: string, nodes: RuleCase['nodes'], x: TestTensor): RuleCase {
  return {
    rule,
    about: 'is constant: only the path beside it counts',
    nodes: [...nodes, node('Cast', 'c', 'f', { to: 11 }), node('Mul', 'f x', 'y')],
    inputs: { x },
    constants: {
      zero: float([], [0.05]),
      axes: ints(0),
      depth: ints(2, 3),
    },
  };
}

const plain = spread([2, 3], 20);
const zeros: readonly RuleCase[] = [
  ...['Ceil', 'Floor', 'Round', 'Sign', 'EyeLike'].map((operator) =>
    zeroCase(operator, [node(operator, 'x', 'c')], plain),
  ),
  ...['Hardmax', 'IsInf', 'IsNaN', 'Size'].map((operator) =>
    zeroCase(
      operator,
      [
        // Their kernels want float32.
        node('Cast', 'x', 'x32', { to: 1 }),
        node(operator, 'x32', 'c'),
      ],
      plain,
    ),
  ),
  ...['ArgMax', 'ArgMin'].map((operator) =>
    zeroCase(operator, [node(operator, 'x', 'c', { axis: 1, keepdims: 1 })], plain),
  ),
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].map((operator) =>
    zeroCase(operator, [node(operator, 'x zero', 'c')], plain),
  ),
  ...['And', 'Or', 'Xor'].map((operator) =>
    zeroCase(
      operator,
      [node('Greater', 'x zero', 'g'), node('Less', 'x zero', 'l'), node(operator, 'g l', 'c')],
      plain,
    ),
  ),
  zeroCase('Not', [node('Greater', 'x zero', 'g'), node('Not', 'g', 'c')], plain),
  zeroCase('Shape', [node('Shape', 'x', 's'), node('ReduceSum', 's', 'c', { keepdims: 0 })], plain),
  zeroCase('ConstantOfShape', [node('Shape', 'x', 's'), node('ConstantOfShape', 's', 'c')], plain),
  zeroCase(
    'NonZero',
    [
      node('Cast', 'x', 'x32', { to: 1 }),
      node('NonZero', 'x32', 'n'),
      node('ReduceMax', 'n', 'c', { keepdims: 0 }),
    ],
    plain,
  ),
];

export const indexingCases: readonly RuleCase[] = [
  ...gathers,
  ...others,
  ...cumulated,
  ...sequences,
  ...zeros,
];
