import type { RuleCase } from '../../support/check-rule.js';
import { float, int64, ints, node, spread } from '../../support/graphs.js';

const reshapes: readonly RuleCase[] = [
  {
    rule: 'Reshape',
    about: 'to [3, -1] with the shape as a constant',
    nodes: [node('Reshape', 'x s', 'y')],
    inputs: { x: spread([2, 3, 2], 1) },
    constants: { s: ints(3, -1) },
  },
  {
    rule: 'Reshape',
    about: 'to [0, -1] with the shape as an input',
    nodes: [node('Reshape', 'x s', 'y')],
    inputs: { x: spread([2, 3, 2], 1), s: ints(0, -1) },
  },
  {
    rule: 'Reshape',
    about: 'of an empty tensor, allowzero',
    nodes: [node('Reshape', 'x s', 'y', { allowzero: 1 })],
    inputs: { x: spread([2, 0, 3], 1) },
    constants: { s: ints(3, 0) },
  },
  {
    rule: 'Reshape',
    about: 'to a scalar',
    nodes: [node('Reshape', 'x s', 'y')],
    inputs: { x: spread([1, 1], 1) },
    constants: { s: ints() },
  },
  ...([0, 1, 2, -1, 3] as const).map(
    (axis): RuleCase => ({
      rule: 'Flatten',
      about: `at axis ${axis}`,
      nodes: [node('Flatten', 'x', 'y', { axis })],
      inputs: { x: spread([2, 3, 2], 2) },
    }),
  ),
  {
    rule: 'Squeeze',
    about: 'at a negative axis',
    nodes: [node('Squeeze', 'x a', 'y')],
    inputs: { x: spread([1, 3, 1], 3) },
    constants: { a: ints(-1) },
  },
  {
    rule: 'Squeeze',
    about: 'of all axes of 1',
    nodes: [node('Squeeze', 'x', 'y')],
    inputs: { x: spread([1, 3, 1], 3) },
  },
  {
    rule: 'Squeeze',
    about: 'in operator set 11, with its axes as an attribute',
    opset: 11,
    nodes: [node('Squeeze', 'x', 'y', { axes: [0] })],
    inputs: { x: spread([1, 3, 1], 3) },
  },
  {
    rule: 'Unsqueeze',
    about: 'at two axes, one negative',
    nodes: [node('Unsqueeze', 'x a', 'y')],
    inputs: { x: spread([2, 3], 3) },
    constants: { a: ints(0, -1) },
  },
  {
    rule: 'Unsqueeze',
    about: 'in operator set 12, of a scalar',
    opset: 12,
    nodes: [node('Unsqueeze', 'x', 'y', { axes: [0, 1] })],
    inputs: { x: spread([], 3) },
  },
];

const transposes: readonly RuleCase[] = (
  [
    [[2, 3], undefined],
    [
      [2, 3, 4],
      [2, 0, 1],
    ],
    [
      [2, 3, 4],
      [0, 2, 1],
    ],
    [
      [0, 3, 2],
      [1, 2, 0],
    ],
    [[], undefined],
    [[3], [0]],
  ] as const
).map(([dims, perm]) => ({
  rule: 'Transpose',
  about: `[${dims}] by ${perm ?? 'the default'}`,
  nodes: [node('Transpose', 'x', 'y', { perm })],
  inputs: { x: spread(dims, 4) },
}));

const stretches: readonly RuleCase[] = [
  ...(
    [
      [[3], [2, 3]],
      [
        [2, 1, 3],
        [2, 4, 3],
      ],
      [[2, 3], [3]],
      [[2, 3], [1]],
      [[1], [0]],
      [[], [2, 2]],
      [
        [3, 1],
        [2, 1, 1],
      ],
    ] as const
  ).flatMap(([dims, shape]): RuleCase[] =>
    [true, false].map((isConstant) => ({
      rule: 'Expand',
      about: `[${dims}] to [${shape}] as ${isConstant ? 'a constant' : 'an input'}`,
      nodes: [node('Expand', 'x s', 'y')],
      inputs: { x: spread(dims, 5), ...(isConstant ? {} : { s: ints(...shape) }) },
      ...(isConstant ? { constants: { s: ints(...shape) } } : {}),
    })),
  ),
  ...(
    [
      [
        [2, 3],
        [2, 1],
      ],
      [
        [2, 3],
        [2, 3],
      ],
      [[3], [4]],
      [
        [2, 3],
        [0, 1],
      ],
      [
        [0, 3],
        [2, 2],
      ],
      [
        [1, 2, 1],
        [1, 1, 3],
      ],
    ] as const
  ).flatMap(([dims, repeats]): RuleCase[] =>
    [true, false].map((isConstant) => ({
      rule: 'Tile',
      about: `[${dims}] by [${repeats}] as ${isConstant ? 'a constant' : 'an input'}`,
      nodes: [node('Tile', 'x r', 'y')],
      inputs: { x: spread(dims, 6), ...(isConstant ? {} : { r: ints(...repeats) }) },
      ...(isConstant ? { constants: { r: ints(...repeats) } } : {}),
    })),
  ),
];

const joins: readonly RuleCase[] = [
  ...[0, -2].map(
    (axis): RuleCase => ({
      rule: 'Concat',
      about: `of three along axis ${axis}, one empty, one twice`,
      nodes: [node('Concat', 'a b e a', 'y', { axis })],
      inputs: { a: spread([2, 3], 7), b: spread([1, 3], 8), e: spread([0, 3], 9) },
    }),
  ),
  {
    rule: 'Concat',
    about: 'of one along the last axis, and of two of which one is a constant',
    nodes: [node('Concat', 'a', 'p', { axis: -1 }), node('Concat', 'p c', 'y', { axis: 1 })],
    inputs: { a: spread([2, 3], 7) },
    constants: { c: spread([2, 2], 8) },
  },
  {
    rule: 'Split',
    about: 'with sizes, of which one output is not used',
    nodes: [node('Split', 'x s', 'a b c', { axis: 1 }), node('Mul', 'a c', 'y')],
    inputs: { x: spread([2, 5], 10) },
    constants: { s: ints(2, 1, 2) },
  },
  {
    rule: 'Split',
    about: 'into equal parts along a negative axis',
    opset: 13,
    nodes: [node('Split', 'x', 'a b', { axis: -1 })],
    inputs: { x: spread([2, 4], 11) },
    outputs: ['a', 'b'],
  },
  {
    rule: 'Split',
    about: 'into num_outputs parts of which the last is smaller',
    nodes: [node('Split', 'x', 'a b c', { axis: 0, num_outputs: 3 })],
    inputs: { x: spread([5, 2], 12) },
    outputs: ['a', 'c'],
  },
  {
    rule: 'Split',
    about: 'in operator set 11, with sizes as an attribute, one of them 0',
    opset: 11,
    nodes: [node('Split', 'x', 'a b', { axis: 0, split: [3, 0] })],
    inputs: { x: spread([3, 2], 12) },
    outputs: ['a', 'b'],
  },
];

interface SliceSpec {
  readonly dims: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes?: readonly number[];
  readonly steps?: readonly number[];
}

const max = 2 ** 53 - 1;
const slices: readonly RuleCase[] = (
  [
    { dims: [4, 3], starts: [1], ends: [3], axes: [0] },
    { dims: [4, 3], starts: [-2], ends: [max], axes: [-2] },
    { dims: [4, 3], starts: [0, 1], ends: [2, 3] },
    { dims: [4, 3], starts: [1], ends: [-1] },
    { dims: [5], starts: [0], ends: [max], axes: [0], steps: [2] },
    { dims: [5], starts: [-1], ends: [-max], axes: [0], steps: [-1] },
    { dims: [5], starts: [3], ends: [0], axes: [0], steps: [-2] },
    { dims: [4, 5], starts: [3, 1], ends: [0, 100], axes: [1, 0], steps: [-1, 2] },
    { dims: [4], starts: [2], ends: [2], axes: [0] },
    { dims: [4], starts: [3], ends: [1], axes: [0] },
    { dims: [0, 3], starts: [0], ends: [2], axes: [1] },
    { dims: [4, 3], starts: [0], ends: [0], axes: [0] },
    { dims: [4], starts: [-100], ends: [100], axes: [0] },
  ] as readonly SliceSpec[]
).flatMap(({ dims, starts, ends, axes, steps }): RuleCase[] => {
  const bounds = { s: ints(...starts), e: ints(...ends) };
  const fixed = {
    ...(axes === undefined ? {} : { a: ints(...axes) }),
    ...(steps === undefined ? {} : { t: ints(...steps) }),
  };
  const inputs = `x s e${axes === undefined ? (steps === undefined ? '' : ' _') : ' a'}${steps === undefined ? '' : ' t'}`;
  const about = `[${dims}] from [${starts}] to [${ends}] along [${axes ?? ''}] by [${steps ?? ''}]`;
  const nodes = [node('Slice', inputs, 'y')];
  return [
    {
      rule: 'Slice',
      about,
      nodes,
      inputs: { x: spread(dims, 13) },
      constants: { ...bounds, ...fixed },
    },
    {
      rule: 'Slice',
      about: `${about}, bounds as inputs`,
      nodes,
      inputs: { x: spread(dims, 13), ...bounds },
      constants: fixed,
    },
  ];
});

interface PadSpec {
  readonly dims: readonly number[];
  readonly pads: readonly number[];
  readonly axes?: readonly number[];
  readonly mode?: string;
}

const pads: readonly RuleCase[] = (
  [
    { dims: [2, 3], pads: [0, 1, 0, 2] },
    { dims: [2, 3], pads: [1, -1, 0, -1] },
    { dims: [4], pads: [-1, 2] },
    { dims: [2, 3], pads: [1, 2], axes: [-1] },
    { dims: [2, 3], pads: [1, -1, 0, 1], axes: [1, 0] },
    { dims: [3], pads: [2, 1], mode: 'reflect' },
    { dims: [2, 3], pads: [1, 2, 0, 1], mode: 'edge' },
    { dims: [2, 3], pads: [0, 2, 1, 2], mode: 'reflect' },
    { dims: [2, 3], pads: [1, 2], axes: [-1], mode: 'edge' },
    { dims: [2, 3], pads: [1, 2], axes: [1], mode: 'wrap' },
    { dims: [0, 3], pads: [1, 0, 1, 1] },
  ] as readonly PadSpec[]
).flatMap(({ dims, pads: amounts, axes, mode }): RuleCase[] =>
  [true, false].map((isConstant) => ({
    rule: 'Pad',
    about: `[${dims}] by [${amounts}] along [${axes ?? ''}], ${mode ?? 'constant'}, amounts as ${isConstant ? 'a constant' : 'an input'}`,
    nodes: [node('Pad', axes === undefined ? 'x p' : 'x p _ a', 'y', { mode })],
    inputs: { x: spread(dims, 14), ...(isConstant ? {} : { p: ints(...amounts) }) },
    constants: {
      ...(isConstant ? { p: ints(...amounts) } : {}),
      ...(axes === undefined ? {} : { a: ints(...axes) }),
    },
  })),
);

const others: readonly RuleCase[] = [
  {
    rule: 'Pad',
    about: 'with a value that is differentiated',
    nodes: [node('Pad', 'x p v', 'y')],
    inputs: { x: spread([2, 3], 15), v: float([], [0.7]) },
    constants: { p: ints(1, -1, 0, 2) },
  },
  {
    rule: 'Pad',
    about: 'in operator set 13',
    opset: 13,
    nodes: [node('Pad', 'x p', 'y')],
    inputs: { x: spread([2, 3], 15) },
    constants: { p: ints(1, 0, 0, 2) },
  },
  ...(
    [
      [1, undefined],
      [0, undefined],
      [1, 1],
      [0, -1],
      [1, 5],
    ] as const
  ).map(
    ([upper, diagonal]): RuleCase => ({
      rule: 'Trilu',
      about: `upper ${upper}, diagonal ${diagonal ?? 'left out'}`,
      nodes: [node('Trilu', diagonal === undefined ? 'x' : 'x k', 'y', { upper })],
      inputs: { x: spread([2, 3, 4], 16) },
      ...(diagonal === undefined ? {} : { constants: { k: int64([], [diagonal]) } }),
    }),
  ),
  ...['DCR', 'CRD'].map(
    (mode): RuleCase => ({
      rule: 'DepthToSpace',
      about: mode,
      nodes: [node('DepthToSpace', 'x', 'y', { blocksize: 2, mode })],
      inputs: { x: spread([2, 8, 1, 3], 17) },
    }),
  ),
  {
    rule: 'SpaceToDepth',
    about: 'by 2',
    nodes: [node('SpaceToDepth', 'x', 'y', { blocksize: 2 })],
    inputs: { x: spread([2, 2, 4, 2], 18) },
  },
];

export const movementCases: readonly RuleCase[] = [
  ...reshapes,
  ...transposes,
  ...stretches,
  ...joins,
  ...slices,
  ...pads,
  ...others,
];
