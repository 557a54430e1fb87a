import type { RuleCase } from '../../support/check-rule.js';
import { broadcast, float, node, spread, type TestTensor } from '../../support/graphs.js';
import { erf } from './elementwise.js';

interface Activation {
  readonly operator: string;
  readonly attributes?: Parameters<typeof node>[3];
  readonly opset?: number;
  /** The function, where ONNX Runtime has no float64 kernel for it. */
  readonly reference?: (x: number) => number;
  readonly about?: string;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const gelu = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));
const geluTanh = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const negative = (x: number): number => Math.min(0, x);

const activations: readonly Activation[] = [
  { operator: 'Relu' },
  { operator: 'LeakyRelu', reference: (x) => (x > 0 ? x : 0.01 * x) },
  {
    operator: 'LeakyRelu',
    attributes: { alpha: { float: 0.3 } },
    reference: (x) => (x > 0 ? x : Math.fround(0.3) * x),
  },
  { operator: 'ThresholdedRelu', reference: (x) => (x > 1 ? x : 0) },
  {
    operator: 'ThresholdedRelu',
    attributes: { alpha: { float: 0.5 } },
    reference: (x) => (x > 0.5 ? x : 0),
  },
  { operator: 'Elu', reference: (x) => Math.max(0, x) + Math.expm1(negative(x)) },
  {
    operator: 'Elu',
    attributes: { alpha: { float: 0.7 } },
    reference: (x) => Math.max(0, x) + Math.fround(0.7) * Math.expm1(negative(x)),
  },
  {
    operator: 'Celu',
    attributes: { alpha: { float: 0.7 } },
    reference: (x) => {
      const alpha = Math.fround(0.7);
      return Math.max(0, x) + alpha * Math.expm1(negative(x) / alpha);
    },
  },
  {
    operator: 'Selu',
    reference: (x) =>
      1.0507009873554805 * (Math.max(0, x) + 1.6732632423543772 * Math.expm1(negative(x))),
  },
  {
    operator: 'Selu',
    attributes: { alpha: { float: 2 }, gamma: { float: 0.5 } },
    reference: (x) => 0.5 * (Math.max(0, x) + 2 * Math.expm1(negative(x))),
  },
  { operator: 'Sigmoid' },
  { operator: 'HardSigmoid', reference: (x) => Math.min(1, Math.max(0, 0.2 * x + 0.5)) },
  {
    operator: 'HardSigmoid',
    attributes: { alpha: { float: 0.5 }, beta: { float: 0.25 } },
    reference: (x) => Math.min(1, Math.max(0, 0.5 * x + 0.25)),
  },
  {
    operator: 'HardSwish',
    reference: (x) => x * Math.min(1, Math.max(0, x / 6 + 0.5)),
  },
  { operator: 'Softplus', reference: (x) => Math.log1p(Math.exp(x)) },
  { operator: 'Softsign', reference: (x) => x / (1 + Math.abs(x)) },
  { operator: 'Mish', reference: (x) => x * Math.tanh(Math.log1p(Math.exp(x))) },
  {
    operator: 'Shrink',
    attributes: { lambd: { float: 0.6 }, bias: { float: 0.2 } },
    reference: (x) => {
      if (Math.abs(x) <= Math.fround(0.6)) return 0;
      return x - Math.sign(x) * Math.fround(0.2);
    },
  },
  { operator: 'Swish', opset: 24, reference: (x) => x * sigmoid(x) },
  {
    operator: 'Swish',
    opset: 24,
    attributes: { alpha: { float: 1.5 } },
    reference: (x) => x * sigmoid(1.5 * x),
  },
  { operator: 'Gelu', reference: gelu },
  { operator: 'Gelu', attributes: { approximate: 'tanh' }, reference: geluTanh },
  { operator: 'com.microsoft.Gelu', reference: gelu },
  { operator: 'com.microsoft.FastGelu', reference: geluTanh, about: 'without bias' },
  { operator: 'com.microsoft.QuickGelu', reference: (x) => x * sigmoid(1.702 * x) },
  {
    operator: 'com.microsoft.QuickGelu',
    attributes: { alpha: { float: 1 } },
    reference: (x) => x * sigmoid(x),
  },
];

/** Far from every kink of the activations above: 0, ±0.5, ±0.6, ±1, 1.5, ±2.5, ±3. */
const awayFromKinks = [
  -3.4, -2.8, -1.9, -1.3, -0.8, -0.55, -0.3, 0.2, 0.45, 0.7, 1.2, 1.8, 2.2, 3.7,
];

const activationCases: readonly RuleCase[] = activations.flatMap((activation) => {
  const { operator, attributes, opset, reference, about = '' } = activation;
  const shapes: readonly (readonly number[])[] = [
    [2, 7],
    [14, 1],
    [0, 2],
  ];
  return shapes.map(
    (dims): RuleCase => ({
      rule: operator,
      about: `${about} ${JSON.stringify(attributes ?? {})} of shape [${dims}]`.trim(),
      ...(opset === undefined ? {} : { opset }),
      nodes: [node(operator, 'x', 'y', attributes)],
      inputs: { x: float(dims, dims[0] === 0 ? [] : awayFromKinks) },
      ...(reference === undefined
        ? {}
        : {
            expected: {
              kind: 'reference',
              outputs: ({ x }) => ({ y: (x as TestTensor).values.map(reference) }),
            },
          }),
    }),
  );
});

/** Slopes where two pieces of a function meet: the ones that PyTorch takes. */
const kinks: readonly RuleCase[] = (
  [
    ['Relu', {}, [0], [0]],
    ['LeakyRelu', { alpha: { float: 0.25 } }, [0], [0.25]],
    ['ThresholdedRelu', { alpha: { float: 1 } }, [1], [0]],
    ['Elu', {}, [0], [1]],
    ['Celu', {}, [0], [1]],
    ['HardSigmoid', { alpha: { float: 0.5 }, beta: { float: 0.5 } }, [-1, 1], [0, 0]],
    ['HardSwish', {}, [-3, 3], [0, 1]],
    ['Shrink', { lambd: { float: 0.5 } }, [-0.5, 0.5], [0, 0]],
  ] as const
).map(
  ([operator, attributes, at, slopes]): RuleCase => ({
    rule: operator,
    about: 'at its kinks',
    nodes: [
      // Through float32, as not all have a float64 kernel.
      node('Cast', 'x', 'x32', { to: 1 }),
      node(operator, 'x32', 'y32', attributes),
      node('Cast', 'y32', 'y', { to: 11 }),
    ],
    inputs: { x: float([at.length], at) },
    cotangents: { y: at.map(() => 1) },
    expected: { kind: 'exact', gradients: { x: slopes } },
  }),
);

const biased: readonly RuleCase[] = [
  {
    rule: 'com.microsoft.BiasGelu',
    about: 'bias over the last axis',
    nodes: [node('com.microsoft.BiasGelu', 'x b', 'y')],
    inputs: { x: spread([2, 3, 4], 1), b: spread([4], 2) },
    expected: {
      kind: 'reference',
      outputs: ({ x, b }) => ({
        y: (x as TestTensor).values.map((value, index) =>
          gelu(value + ((b as TestTensor).values[index % 4] ?? 0)),
        ),
      }),
    },
  },
  {
    rule: 'com.microsoft.FastGelu',
    about: 'with bias',
    nodes: [node('com.microsoft.FastGelu', 'x b', 'y')],
    inputs: { x: spread([2, 3, 4], 1), b: spread([4], 2) },
    expected: {
      kind: 'reference',
      outputs: ({ x, b }) => ({
        y: (x as TestTensor).values.map((value, index) =>
          geluTanh(value + ((b as TestTensor).values[index % 4] ?? 0)),
        ),
      }),
    },
  },
  {
    rule: 'PRelu',
    about: 'with one slope a channel',
    nodes: [node('PRelu', 'x s', 'y')],
    inputs: { x: spread([2, 3, 2], 3), s: spread([3, 1], 4) },
    expected: {
      kind: 'reference',
      outputs: ({ x, s }) => ({
        y: broadcast(x as TestTensor, s as TestTensor, (value, slope) =>
          value > 0 ? value : value * slope,
        ),
      }),
    },
  },
];

const softmaxes: readonly RuleCase[] = ['Softmax', 'LogSoftmax'].flatMap((operator) =>
  (
    [
      [[2, 3], undefined],
      [[2, 3, 2], 1],
      [[2, 3, 2], -3],
      [[4], 0],
      [[2, 1], -1],
      [[0, 3], -1],
    ] as const
  ).map(
    ([dims, axis]): RuleCase => ({
      rule: operator,
      about: `of [${dims}] along ${axis ?? 'the default axis'}`,
      nodes: [node(operator, 'x', 'y', { axis })],
      inputs: { x: spread(dims, 5) },
    }),
  ),
);

export const activationRuleCases: readonly RuleCase[] = [
  ...activationCases,
  ...kinks,
  ...biased,
  ...softmaxes,
];
