import type { RuleCase } from '../../support/check-rule.js';
import { float, ints, node, spread, type TestTensor } from '../../support/graphs.js';

// ONNX Runtime's convolutions and averages have no float64 kernels. All are linear in each input, so
// central differences of the float32 graph are exact up to rounding.
const linear = { kind: 'linear' } as const;

interface ConvolutionSpec {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly attributes?: Parameters<typeof node>[3];
}

const convolutions: readonly RuleCase[] = (
  [
    { x: [2, 3, 5], w: [2, 3, 3] },
    { x: [2, 3, 6], w: [2, 3, 2], attributes: { strides: [2], pads: [1, 0] } },
    { x: [1, 2, 7], w: [4, 1, 3], attributes: { dilations: [2], group: 2, pads: [2, 2] } },
    { x: [2, 3, 4, 4], w: [2, 3, 2, 2], attributes: { strides: [2, 2] } },
    { x: [2, 3, 5, 5], w: [2, 3, 2, 2], attributes: { strides: [2, 2] } },
    { x: [1, 2, 5, 4], w: [3, 2, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
    { x: [1, 2, 5, 6], w: [3, 2, 3, 2], attributes: { pads: [0, 1, 2, 1], strides: [2, 3] } },
    {
      x: [2, 4, 6, 5],
      w: [4, 2, 3, 2],
      attributes: { dilations: [2, 1], strides: [1, 2], group: 2, pads: [2, 0, 1, 1] },
    },
    { x: [1, 3, 4, 4], w: [3, 1, 3, 3], attributes: { group: 3, pads: [1, 1, 1, 1] } },
    { x: [1, 2, 5, 5], w: [2, 2, 3, 3], attributes: { auto_pad: 'SAME_UPPER', strides: [2, 2] } },
    { x: [1, 2, 6, 5], w: [2, 2, 2, 4], attributes: { auto_pad: 'SAME_LOWER', strides: [1, 2] } },
    { x: [1, 2, 5, 5], w: [2, 2, 3, 3], attributes: { auto_pad: 'VALID', strides: [3, 1] } },
    { x: [1, 2, 3, 4, 3], w: [2, 2, 2, 2, 2], attributes: { strides: [1, 2, 1] } },
    { x: [1, 2, 2, 4, 4], w: [3, 2, 2, 2, 2], attributes: { strides: [2, 2, 2] } },
    { x: [1, 1, 1, 1], w: [1, 1, 1, 1] },
    { x: [1, 1, 3, 3], w: [1, 1, 1, 1], attributes: { pads: [1, 1, 1, 1], strides: [2, 2] } },
    { x: [1, 1, 7], w: [1, 1, 2], attributes: { strides: [3], dilations: [3] } },
  ] as readonly ConvolutionSpec[]
)
  .flatMap(({ x, w, attributes }, index): RuleCase[] => {
    const about = `[${x}] with [${w}] ${JSON.stringify(attributes ?? {})}`;
    return [
      {
        rule: 'Conv',
        about,
        nodes: [node('Conv', 'x w b', 'y', attributes)],
        inputs: { x: spread(x, index), w: spread(w, index + 1), b: spread([w[0] ?? 1], index + 2) },
        expected: linear,
        needsRank: 'spatial axes must be counted',
      },
      {
        rule: 'Conv',
        about: `${about}, weights constant, no bias, kernel_shape given`,
        nodes: [node('Conv', 'x w', 'y', { ...attributes, kernel_shape: w.slice(2) })],
        inputs: { x: spread(x, index) },
        constants: { w: spread(w, index + 1) },
        expected: linear,
      },
    ];
  })
  .map((testCase) => {
    // Strides or dilations tell the rank as well.
    const [only] = testCase.nodes;
    const tells = only?.attributes.some(
      ({ name }) => name === 'strides' || name === 'kernel_shape',
    );
    if (!tells) return testCase;
    const { needsRank: _needsRank, ...rest } = testCase;
    return rest;
  });

const transposed: readonly RuleCase[] = (
  [
    { x: [2, 3, 4], w: [3, 2, 3] },
    { x: [1, 2, 4], w: [2, 1, 3], attributes: { strides: [2], pads: [1, 0], group: 2 } },
    { x: [2, 3, 3, 3], w: [3, 2, 2, 2], attributes: { strides: [2, 2] } },
    {
      x: [1, 2, 3, 2],
      w: [2, 3, 3, 3],
      attributes: { strides: [2, 3], pads: [1, 0, 1, 2], output_padding: [1, 2] },
    },
    { x: [1, 4, 3, 3], w: [4, 2, 2, 3], attributes: { dilations: [2, 1], group: 2 } },
    { x: [1, 1, 2, 2, 2], w: [1, 2, 2, 2, 2], attributes: { strides: [1, 2, 1] } },
    {
      x: [1, 2, 3, 3],
      w: [2, 1, 3, 3],
      attributes: { strides: [2, 2], output_shape: [6, 5], kernel_shape: [3, 3] },
    },
    {
      x: [1, 2, 3, 3],
      w: [2, 1, 3, 4],
      attributes: { strides: [2, 2], auto_pad: 'SAME_UPPER', kernel_shape: [3, 4] },
    },
    {
      x: [1, 2, 3, 3],
      w: [2, 1, 3, 4],
      attributes: { strides: [2, 2], auto_pad: 'SAME_LOWER', kernel_shape: [3, 4] },
    },
  ] as readonly ConvolutionSpec[]
).map(({ x, w, attributes }, index): RuleCase => {
  const group = typeof attributes?.group === 'number' ? attributes.group : 1;
  const isSizedOnly = attributes?.output_shape !== undefined || attributes?.auto_pad !== undefined;
  return {
    rule: 'ConvTranspose',
    about: `[${x}] with [${w}] ${JSON.stringify(attributes ?? {})}`,
    nodes: [node('ConvTranspose', 'x w b', 'y', attributes)],
    inputs: {
      x: spread(x, index),
      w: spread(w, index + 1),
      b: spread([(w[1] ?? 1) * group], index + 2),
    },
    expected: linear,
    ...(isSizedOnly ? { declarations: ['sized'] as const } : {}),
    ...(attributes?.strides === undefined ? { needsRank: 'spatial axes must be counted' } : {}),
  };
});

const fused: readonly RuleCase[] = (
  [
    ['Relu', undefined, (y: number) => Math.max(0, y)],
    ['Tanh', undefined, Math.tanh],
    ['Sigmoid', undefined, (y: number) => 1 / (1 + Math.exp(-y))],
    ['LeakyRelu', [0.25], (y: number) => (y > 0 ? y : 0.25 * y)],
    ['Clip', [-1, 1.5], (y: number) => Math.min(1.5, Math.max(-1, y))],
    ['HardSigmoid', [0.25, 0.5], (y: number) => Math.min(1, Math.max(0, 0.25 * y + 0.5))],
  ] as const
).map(
  ([activation, parameters, compute]): RuleCase => ({
    rule: 'com.microsoft.FusedConv',
    about: `with ${activation}`,
    nodes: [
      node('com.microsoft.FusedConv', 'x w b', 'y', {
        activation,
        kernel_shape: [1, 2],
        ...(parameters === undefined ? {} : { activation_params: { floats: parameters } }),
      }),
    ],
    inputs: { x: spread([1, 1, 2, 4], 3), w: spread([1, 1, 1, 2], 4), b: spread([1], 5) },
    expected: {
      kind: 'reference',
      outputs: ({ x, w, b }) => ({
        y: Array.from({ length: 6 }, (_, index) => {
          const at = Math.floor(index / 3) * 4 + (index % 3);
          const [left = 0, right = 0] = [x?.values[at], x?.values[at + 1]];
          return compute(
            left * (w?.values[0] ?? 0) + right * (w?.values[1] ?? 0) + (b?.values[0] ?? 0),
          );
        }),
      }),
    },
  }),
);

const windows: readonly (readonly [readonly number[], Parameters<typeof node>[3] & object])[] = [
  [[2, 2, 6], { kernel_shape: [2], strides: [2] }],
  [[2, 2, 7], { kernel_shape: [3], strides: [2], pads: [1, 1] }],
  [[1, 2, 4, 5], { kernel_shape: [2, 2] }],
  [[1, 2, 5, 5], { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] }],
  [[1, 2, 5, 5], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }],
  [[1, 1, 6, 6], { kernel_shape: [2, 2], dilations: [2, 3] }],
  [[1, 1, 5, 4], { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' }],
  [[1, 1, 5, 4], { kernel_shape: [2, 2], strides: [2, 2], auto_pad: 'SAME_LOWER' }],
  [[1, 1, 5, 4], { kernel_shape: [2, 2], strides: [2, 1], auto_pad: 'VALID' }],
  [[1, 2, 2, 4, 3], { kernel_shape: [2, 2, 2], strides: [1, 2, 1] }],
];

const pools: readonly RuleCase[] = windows.flatMap(([dims, attributes], index): RuleCase[] => {
  const about = `[${dims}] ${JSON.stringify(attributes)}`;
  const inputs = { x: spread(dims, index) };
  return [
    { rule: 'MaxPool', about, nodes: [node('MaxPool', 'x', 'y', attributes)], inputs },
    {
      rule: 'MaxPool',
      about: `${about}, with its indices`,
      nodes: [node('MaxPool', 'x', 'y i', attributes)],
      inputs,
      outputs: ['y'],
    },
    ...[0, 1].map(
      (count_include_pad): RuleCase => ({
        rule: 'AveragePool',
        about: `${about}, count_include_pad ${count_include_pad}`,
        nodes: [node('AveragePool', 'x', 'y', { ...attributes, count_include_pad })],
        inputs,
        expected: linear,
      }),
    ),
  ];
});

/** Σ over windows without padding, [N, C, L] only. */
function lpPool(x: TestTensor, kernel: number, stride: number, p: number): number[] {
  const length = x.dims[2] ?? 0;
  const count = Math.floor((length - kernel) / stride) + 1;
  const rows = x.values.length / length;
  return Array.from({ length: rows * count }, (_, index) => {
    const start = Math.floor(index / count) * length + (index % count) * stride;
    const window = x.values.slice(start, start + kernel);
    return window.reduce((sum, value) => sum + Math.abs(value) ** p, 0) ** (1 / p);
  });
}

const empty: readonly RuleCase[] = [
  ...['MaxPool', 'AveragePool'].map(
    (rule): RuleCase => ({
      rule,
      about: 'of no images',
      nodes: [node(rule, 'x', 'y', { kernel_shape: [2, 2] })],
      inputs: { x: spread([0, 2, 3, 3], 1) },
      expected: linear,
    }),
  ),
  ...['GlobalMaxPool', 'GlobalAveragePool', 'GlobalLpPool'].map(
    (rule): RuleCase => ({
      rule,
      about: 'of no images',
      nodes: [node(rule, 'x', 'y')],
      inputs: { x: spread([0, 2, 3, 3], 1) },
      expected: linear,
    }),
  ),
  {
    rule: 'Conv',
    about: 'of no images',
    nodes: [node('Conv', 'x w b', 'y', { strides: [1, 1], pads: [1, 1, 1, 1] })],
    inputs: { x: spread([0, 2, 3, 3], 1), w: spread([2, 2, 2, 2], 2), b: spread([2], 3) },
    expected: linear,
  },
];

const otherPools: readonly RuleCase[] = [
  {
    rule: 'MaxPool',
    about: 'with its indices in column-major order',
    nodes: [node('MaxPool', 'x', 'y i', { kernel_shape: [2, 2], storage_order: 1 })],
    inputs: { x: spread([1, 2, 3, 4], 3) },
    outputs: ['y'],
  },
  {
    rule: 'MaxPool',
    about: 'gives a tie to the first element',
    nodes: [node('MaxPool', 'x', 'y', { kernel_shape: [3], strides: [3] })],
    inputs: { x: float([1, 1, 6], [1, 2, 2, 3, 3, 3]) },
    cotangents: { y: [5, 7] },
    expected: { kind: 'exact', gradients: { x: [0, 5, 0, 7, 0, 0] } },
  },
  ...[1, 2, 3].map(
    (p): RuleCase => ({
      rule: 'LpPool',
      about: `p ${p}`,
      nodes: [node('LpPool', 'x', 'y', { kernel_shape: [3], strides: [2], p })],
      inputs: { x: spread([2, 2, 7], 4) },
      expected: {
        kind: 'reference',
        outputs: ({ x }) => ({ y: lpPool(x as TestTensor, 3, 2, p) }),
      },
    }),
  ),
  ...(
    [
      [2, 2, 3],
      [2, 2, 2, 3],
      [1, 2, 2, 1, 2],
    ] as const
  ).flatMap((dims): RuleCase[] => [
    {
      rule: 'GlobalAveragePool',
      about: `[${dims}]`,
      nodes: [node('GlobalAveragePool', 'x', 'y')],
      inputs: { x: spread(dims, 5) },
      expected: linear,
    },
    {
      rule: 'GlobalMaxPool',
      about: `[${dims}]`,
      nodes: [node('GlobalMaxPool', 'x', 'y')],
      inputs: { x: spread(dims, 6) },
      expected: {
        kind: 'reference',
        outputs: ({ x }) => ({ y: byChannel(x as TestTensor, (values) => Math.max(...values)) }),
      },
    },
    ...[1, 2, 3].map(
      (p): RuleCase => ({
        rule: 'GlobalLpPool',
        about: `[${dims}] p ${p}`,
        nodes: [node('GlobalLpPool', 'x', 'y', { p })],
        inputs: { x: spread(dims, 7) },
        expected: {
          kind: 'reference',
          outputs: ({ x }) => ({
            y: byChannel(
              x as TestTensor,
              (values) => values.reduce((sum, value) => sum + Math.abs(value) ** p, 0) ** (1 / p),
            ),
          }),
        },
      }),
    ),
  ]),
];

function byChannel(x: TestTensor, compute: (values: readonly number[]) => number): number[] {
  const count = (x.dims[0] ?? 0) * (x.dims[1] ?? 0);
  const size = x.values.length / count;
  return Array.from({ length: count }, (_, index) =>
    compute(x.values.slice(index * size, (index + 1) * size)),
  );
}

const modes: readonly (readonly [string, Parameters<typeof node>[3] & object])[] = [
  ...[
    'half_pixel',
    'pytorch_half_pixel',
    'align_corners',
    'asymmetric',
    'half_pixel_symmetric',
  ].flatMap((coordinates) =>
    ['linear', 'cubic', 'nearest'].map(
      (mode) =>
        [`${mode}, ${coordinates}`, { mode, coordinate_transformation_mode: coordinates }] as const,
    ),
  ),
  [
    'nearest, floor',
    { mode: 'nearest', nearest_mode: 'floor', coordinate_transformation_mode: 'asymmetric' },
  ],
  ['nearest, ceil', { mode: 'nearest', nearest_mode: 'ceil' }],
  ['nearest, round_prefer_ceil', { mode: 'nearest', nearest_mode: 'round_prefer_ceil' }],
  [
    'nearest, tf_half_pixel_for_nn',
    { mode: 'nearest', coordinate_transformation_mode: 'tf_half_pixel_for_nn' },
  ],
  [
    'cubic, a = -0.5, exclude_outside',
    { mode: 'cubic', cubic_coeff_a: { float: -0.5 }, exclude_outside: 1 },
  ],
  ['linear, antialias', { mode: 'linear', antialias: 1 }],
  ['cubic, antialias', { mode: 'cubic', antialias: 1 }],
];

const resizes: readonly RuleCase[] = modes.flatMap(([about, attributes]): RuleCase[] => {
  const common = {
    rule: 'Resize',
    expected: linear,
    needsRank: 'axes are resized one by one',
  } as const;
  const x = spread([1, 2, 3, 4], 8);
  const bySizes = [node('Resize', 'x _ _ s', 'y', attributes)];
  return [
    {
      ...common,
      about: `${about}, by scales`,
      nodes: [node('Resize', 'x _ s', 'y', attributes)],
      inputs: { x },
      constants: { s: { type: 'float32', dims: [4], values: [1, 1, 2, 0.75] } },
    },
    {
      ...common,
      about: `${about}, to sizes`,
      nodes: bySizes,
      inputs: { x },
      constants: { s: ints(1, 2, 5, 3) },
    },
    {
      ...common,
      about: `${about}, to sizes that are an input`,
      nodes: bySizes,
      inputs: { x, s: ints(1, 2, 2, 7) },
      // ONNX Runtime refuses sizes of which the number is not declared.
      declarations: ['sized'],
    },
  ];
});

const otherResizes: readonly RuleCase[] = [
  {
    rule: 'Resize',
    about: 'of two listed axes',
    nodes: [node('Resize', 'x _ s', 'y', { mode: 'linear', axes: [2, 3] })],
    inputs: { x: spread([1, 2, 3, 3], 9) },
    constants: { s: { type: 'float32', dims: [2], values: [1.5, 2] } },
    expected: linear,
    needsRank: 'axes are resized one by one',
  },
  {
    rule: 'Resize',
    about: 'nearest, of one dimension and of five',
    nodes: [
      node('Resize', 'x _ _ t', 'p', { mode: 'nearest' }),
      node('Reshape', 'p five', 'q'),
      node('Resize', 'q _ s', 'y', { mode: 'nearest' }),
    ],
    inputs: { x: spread([6], 9) },
    constants: {
      t: ints(8),
      five: ints(1, 1, 2, 2, 2),
      s: { type: 'float32', dims: [5], values: [1, 1, 1, 2, 1.5] },
    },
    expected: linear,
    needsRank: 'axes are resized one by one',
  },
  {
    rule: 'Resize',
    about: 'linear, of a matrix in operator set 13',
    opset: 13,
    nodes: [node('Resize', 'x roi s', 'y', { mode: 'linear' })],
    inputs: { x: spread([3, 4], 9) },
    constants: {
      roi: { type: 'float32', dims: [0], values: [] },
      s: { type: 'float32', dims: [2], values: [2, 0.6] },
    },
    expected: linear,
    needsRank: 'axes are resized one by one',
  },
  {
    rule: 'Resize',
    about: 'linear, in operator set 11 with empty scales',
    opset: 11,
    nodes: [node('Resize', 'x roi s z', 'y', { mode: 'linear' })],
    inputs: { x: spread([1, 1, 3, 4], 9) },
    constants: {
      roi: { type: 'float32', dims: [0], values: [] },
      s: { type: 'float32', dims: [0], values: [] },
      z: ints(1, 1, 6, 5),
    },
    expected: linear,
    needsRank: 'axes are resized one by one',
  },
];

export const imageCases: readonly RuleCase[] = [
  ...convolutions,
  ...transposed,
  ...fused,
  ...pools,
  ...otherPools,
  ...empty,
  ...resizes,
  ...otherResizes,
];
