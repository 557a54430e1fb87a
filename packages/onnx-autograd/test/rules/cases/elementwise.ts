import type { RuleCase } from '../../support/check-rule.js';
import {
  bool,
  broadcast,
  float,
  int64,
  node,
  spread,
  type TestTensor,
} from '../../support/graphs.js';

/** Element types for the attribute `to` of Cast. */
const toFloat32 = 1;
const toFloat64 = 11;
const toInt64 = 7;

interface Unary {
  readonly operator: string;
  readonly low?: number;
  readonly high?: number;
  /** The function, where ONNX Runtime has no float64 kernel for it. */
  readonly reference?: (x: number) => number;
}

/** erf by its series, for |x| ≤ 3: Σ (−1)ⁿ x^(2n+1) / (n!(2n+1)) · 2/√π. */
export function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const unary: readonly Unary[] = [
  { operator: 'Abs' },
  { operator: 'Acos', low: -0.9, high: 0.9, reference: Math.acos },
  { operator: 'Acosh', low: 1.2, high: 4, reference: Math.acosh },
  { operator: 'Asin', low: -0.9, high: 0.9, reference: Math.asin },
  { operator: 'Asinh', reference: Math.asinh },
  { operator: 'Atan', reference: Math.atan },
  { operator: 'Atanh', low: -0.9, high: 0.9, reference: Math.atanh },
  { operator: 'Cos' },
  { operator: 'Cosh', reference: Math.cosh },
  { operator: 'Erf', reference: erf },
  { operator: 'Exp' },
  { operator: 'Identity' },
  { operator: 'Log', low: 0.2, high: 3 },
  { operator: 'Neg' },
  { operator: 'Reciprocal' },
  { operator: 'Sin' },
  { operator: 'Sinh', reference: Math.sinh },
  { operator: 'Sqrt', low: 0.2, high: 3 },
  { operator: 'Tan', low: -1.2, high: 1.2, reference: Math.tan },
  { operator: 'Tanh' },
];

const unaryShapes: readonly (readonly number[])[] = [[2, 3], [], [1], [0, 3]];

function unaryCases(): RuleCase[] {
  return unary.flatMap(({ operator, low = -2, high = 2, reference }, position) =>
    unaryShapes.map(
      (dims, index): RuleCase => ({
        rule: operator,
        about: `of shape [${dims}]`,
        nodes: [node(operator, 'x', 'y')],
        inputs: { x: spread(dims, position * 10 + index, { low, high }) },
        ...(reference === undefined
          ? {}
          : {
              expected: {
                kind: 'reference',
                outputs: ({ x }) => ({ y: (x as TestTensor).values.map(reference) }),
              },
            }),
      }),
    ),
  );
}

/** Shapes that stretch the first operand, the second, both, by rank, by sizes of 1 and of 0. */
const broadcastPairs: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [[2, 3], []],
  [[], [2, 3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [
    [1, 3],
    [2, 1],
  ],
  [[1], [2, 3]],
  [[1, 1], [2]],
  [[0, 3], [3]],
  [
    [1, 3],
    [0, 1],
  ],
  [[1], [0]],
  [[], []],
];

function binaryCases(): RuleCase[] {
  const operators = [
    { operator: 'Add', low: -2 },
    { operator: 'Sub', low: -2 },
    { operator: 'Mul', low: -2 },
    { operator: 'Div', low: 0.5 },
    { operator: 'Pow', low: 0.5 },
    { operator: 'Max', low: -2 },
    { operator: 'Min', low: -2 },
    { operator: 'Sum', low: -2 },
    // Its kernel exists for float32 only.
    { operator: 'Mean', low: -2, expected: { kind: 'linear' } as const },
    {
      operator: 'PRelu',
      low: -2,
      expected: {
        kind: 'reference',
        outputs: ({ a, b }: Readonly<Record<string, TestTensor>>) => ({
          y: broadcast(a as TestTensor, b as TestTensor, (x, slope) => (x > 0 ? x : x * slope)),
        }),
      } as const,
    },
  ];
  return operators.flatMap(({ operator, low, expected }, position) =>
    broadcastPairs
      // The slope of PRelu stretches to x, not the other way.
      .filter(([a, b]) => operator !== 'PRelu' || a.length >= b.length)
      .filter(
        ([a, b]) =>
          operator !== 'PRelu' || b.every((size, i) => size === 1 || size === a.at(i - b.length)),
      )
      .map(
        ([a, b], index): RuleCase => ({
          rule: operator,
          about: `of [${a}] and [${b}]`,
          nodes: [node(operator, 'a b', 'y')],
          inputs: {
            a: spread(a, position * 50 + index, { low }),
            b: spread(b, position * 50 + index + 25, { low: low + 0.03, high: 2.03 }),
          },
          ...(expected === undefined ? {} : { expected }),
        }),
      ),
  );
}

const special: readonly RuleCase[] = [
  {
    rule: 'Mul',
    about: 'of a tensor with itself',
    nodes: [node('Mul', 'x x', 'y')],
    inputs: { x: spread([2, 3], 1) },
  },
  {
    rule: 'Sub',
    about: 'of a tensor and its own first row',
    nodes: [node('ReduceMax', 'x axes', 'm', { keepdims: 1 }), node('Sub', 'x m', 'y')],
    inputs: { x: spread([2, 3], 2) },
    constants: { axes: int64([1], [1]) },
  },
  {
    rule: 'Div',
    about: 'of a tensor by itself plus one',
    nodes: [node('Add', 'x one', 'b'), node('Div', 'x b', 'y')],
    inputs: { x: spread([4], 3, { low: 0.5, high: 2 }) },
    constants: { one: float([], [1]) },
  },
  {
    rule: 'Sum',
    about: 'of one, and of three with one twice',
    nodes: [node('Sum', 'a', 'p'), node('Sum', 'p b p', 'y')],
    inputs: { a: spread([2, 1], 4), b: spread([3], 5) },
  },
  {
    rule: 'Mean',
    about: 'of three of different shapes',
    nodes: [node('Mean', 'a b c', 'y')],
    inputs: { a: spread([2, 1], 4), b: spread([3], 5), c: spread([], 6) },
    expected: { kind: 'linear' },
  },
  {
    rule: 'Max',
    about: 'of one, and of three of different shapes',
    nodes: [node('Max', 'a', 'p'), node('Max', 'p b c', 'y')],
    inputs: { a: spread([2, 1], 4), b: spread([3], 5), c: spread([], 6) },
  },
  {
    rule: 'Max',
    about: 'shares a tie of three evenly',
    nodes: [node('Max', 'a b c', 'y')],
    inputs: { a: float([3], [1, 2, 0]), b: float([3], [1, 2, 5]), c: float([3], [1, 0, 0]) },
    cotangents: { y: [6, 6, 6] },
    expected: { kind: 'exact', gradients: { a: [2, 3, 0], b: [2, 3, 6], c: [2, 0, 0] } },
  },
  {
    rule: 'Min',
    about: 'shares a tie of a tensor with itself, so all of it comes back',
    nodes: [node('Min', 'a a', 'y')],
    inputs: { a: float([2], [1, 2]) },
    cotangents: { y: [3, 5] },
    expected: { kind: 'exact', gradients: { a: [3, 5] } },
  },
  ...[-1, 0, 0.5, 1, 2, 3, 2.5].map(
    (exponent): RuleCase => ({
      rule: 'Pow',
      about: `with the constant exponent ${exponent}`,
      nodes: [node('Pow', 'x e', 'y')],
      inputs: { x: spread([2, 3], 7, { low: 0.3, high: 2 }) },
      constants: { e: float([], [exponent]) },
    }),
  ),
  {
    rule: 'Pow',
    about: 'of negative numbers to whole exponents of type int64',
    nodes: [node('Pow', 'x e', 'y')],
    inputs: { x: spread([2, 3], 8) },
    constants: { e: int64([3], [2, 3, 1]) },
  },
  {
    rule: 'Pow',
    about: 'of 0: the slope is 0, and 1 for the exponent 1',
    nodes: [node('Pow', 'x e', 'y')],
    inputs: { x: float([4], [0, 0, 0, 0]), e: float([4], [0, 1, 2, 3]) },
    cotangents: { y: [1, 1, 1, 1] },
    expected: { kind: 'exact', gradients: { x: [0, 1, 0, 0], e: [0, 0, 0, 0] } },
  },
  {
    rule: 'Pow',
    about: 'of a float64 base to a float32 exponent',
    nodes: [node('Cast', 'e', 'p', { to: toFloat32 }), node('Pow', 'x p', 'y')],
    inputs: { x: spread([3], 9, { low: 0.5, high: 2 }), e: float([3], [0.5, 2, -1]) },
    wrt: ['x', 'e'],
    // The exponent's gradient goes through float32.
    cotangents: { y: [1, 1, 1] },
    expected: {
      kind: 'exact',
      gradients: powGradients(spread([3], 9, { low: 0.5, high: 2 }).values, [0.5, 2, -1]),
    },
  },
  {
    rule: 'Abs',
    about: 'at 0 is 0',
    nodes: [node('Abs', 'x', 'y')],
    inputs: { x: float([3], [-2, 0, 2]) },
    cotangents: { y: [1, 1, 1] },
    expected: { kind: 'exact', gradients: { x: [-1, 0, 1] } },
  },
  {
    rule: 'Cast',
    about: 'from float64 to float32 and back',
    nodes: [
      node('Cast', 'x', 'a', { to: toFloat32 }),
      node('Cast', 'a', 'b', { to: toFloat64 }),
      node('Mul', 'b b', 'y'),
    ],
    inputs: { x: float([3], [1, 2, -3]) },
    cotangents: { y: [1, 1, 2] },
    expected: { kind: 'exact', gradients: { x: [2, 4, -12] } },
  },
  {
    rule: 'Cast',
    about: 'to an integer and back carries nothing, the path beside it does',
    nodes: [
      node('Cast', 'x', 'a', { to: toInt64 }),
      node('Cast', 'a', 'b', { to: toFloat64 }),
      node('Mul', 'b x', 'y'),
    ],
    inputs: { x: float([3], [1.5, 2.5, -3.5]) },
  },
  {
    rule: 'CastLike',
    about: 'of a value to the type of another',
    opset: 19,
    nodes: [node('CastLike', 'x t', 'a'), node('Mul', 'a a', 'y')],
    inputs: { x: spread([2, 3], 10) },
    constants: { t: float([1], [1]) },
  },
  {
    rule: 'CastLike',
    about: 'does not move with what lends its type',
    opset: 19,
    nodes: [node('CastLike', 'c x', 'a'), node('Mul', 'a x', 'y')],
    inputs: { x: spread([3], 10) },
    constants: { c: int64([3], [1, 2, 3]) },
  },
  ...broadcastPairs.slice(0, 11).map(
    ([a, b], index): RuleCase => ({
      rule: 'Where',
      about: `of a condition [2, 1, 1], [${a}] and [${b}]`,
      nodes: [node('Where', 'c a b', 'y')],
      inputs: { a: spread(a, index), b: spread(b, index + 40) },
      constants: { c: bool([2, 1, 1, 1], [1, 0]) },
    }),
  ),
  {
    rule: 'Where',
    about: 'of one tensor twice and a condition of its own',
    nodes: [node('Greater', 'x zero', 'c'), node('Mul', 'x x', 's'), node('Where', 'c s x', 'y')],
    inputs: { x: spread([2, 3], 11) },
    constants: { zero: float([], [0]) },
  },
  {
    rule: 'Clip',
    about: 'between two bounds that are differentiated too',
    nodes: [node('Clip', 'x low high', 'y')],
    inputs: { x: spread([2, 5], 12), low: float([], [-0.913]), high: float([], [1.113]) },
  },
  {
    rule: 'Clip',
    about: 'without bounds, with one, with the other',
    nodes: [node('Clip', 'x', 'a'), node('Clip', 'a low', 'b'), node('Clip', 'b _ high', 'y')],
    inputs: { x: spread([2, 5], 13), low: float([], [-0.913]), high: float([], [1.113]) },
  },
  {
    rule: 'Clip',
    about: 'passes at its bounds, and gives bounds the wrong way round to the upper one',
    nodes: [node('Clip', 'x low high', 'y'), node('Clip', 'x high low', 'z')],
    inputs: { x: float([4], [-1, 0, 1, 2]), low: float([], [-1]), high: float([], [1]) },
    outputs: ['y', 'z'],
    cotangents: { y: [1, 1, 1, 1], z: [10, 10, 10, 10] },
    expected: { kind: 'exact', gradients: { x: [1, 1, 1, 0], low: [40], high: [1] } },
  },
  {
    rule: 'Mod',
    about: 'of floats of either sign, by the remainder of division towards 0',
    nodes: [node('Mod', 'a b', 'y', { fmod: 1 })],
    inputs: { a: float([2, 2], [7.3, -7.3, 5.1, -0.4]), b: float([2], [2, -3]) },
  },
  {
    rule: 'Dropout',
    about: 'of inference changes nothing',
    nodes: [
      node('Dropout', 'x ratio mode', 'a'),
      node('Dropout', 'a', 'b'),
      node('Mul', 'b b', 'y'),
    ],
    inputs: { x: spread([2, 3], 14) },
    constants: { ratio: float([], [0.5]), mode: bool([], [0]) },
  },
];

function powGradients(
  base: readonly number[],
  exponents: readonly number[],
): { x: number[]; e: number[] } {
  return {
    x: base.map((a, index) => (exponents[index] ?? 0) * a ** ((exponents[index] ?? 0) - 1)),
    e: base.map((a, index) => Math.fround(a ** (exponents[index] ?? 0) * Math.log(a))),
  };
}

export const elementwiseCases: readonly RuleCase[] = [
  ...unaryCases(),
  ...binaryCases(),
  ...special,
];
