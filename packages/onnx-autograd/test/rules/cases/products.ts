import type { RuleCase } from '../../support/check-rule.js';
import { node, spread } from '../../support/graphs.js';

const matMulShapes: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [2, 3],
    [3, 4],
  ],
  [[3], [3, 4]],
  [[2, 3], [3]],
  [[3], [3]],
  [
    [2, 2, 3],
    [3, 4],
  ],
  [
    [2, 3],
    [2, 3, 4],
  ],
  [
    [2, 1, 2, 3],
    [3, 3, 2],
  ],
  [
    [1, 2, 3],
    [2, 3, 4],
  ],
  [
    [2, 2, 3],
    [1, 3, 2],
  ],
  [[3], [2, 3, 2]],
  [[2, 2, 3], [3]],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [0, 3],
    [3, 2],
  ],
  [
    [2, 0],
    [0, 2],
  ],
  [
    [2, 3],
    [3, 0],
  ],
  [
    [0, 2, 3],
    [3, 2],
  ],
  [
    [2, 2, 0],
    [0, 3],
  ],
];

const matMuls: readonly RuleCase[] = matMulShapes.map(([a, b], index) => ({
  rule: 'MatMul',
  about: `of [${a}] and [${b}]`,
  nodes: [node('MatMul', 'a b', 'y')],
  inputs: { a: spread(a, index), b: spread(b, index + 30) },
}));

const gemms: readonly RuleCase[] = [0, 1].flatMap((transA) =>
  [0, 1].flatMap((transB) =>
    ([[2, 4], [4], [2, 1], [1], [], undefined] as const).map(
      (c): RuleCase => ({
        rule: 'Gemm',
        about: `transA ${transA}, transB ${transB}, C [${c}]`,
        nodes: [
          node('Gemm', c === undefined ? 'a b' : 'a b c', 'y', {
            transA,
            transB,
            alpha: { float: 0.5 },
            beta: { float: 2 },
          }),
        ],
        inputs: {
          a: spread(transA === 1 ? [3, 2] : [2, 3], 1),
          b: spread(transB === 1 ? [4, 3] : [3, 4], 2),
          ...(c === undefined ? {} : { c: spread(c, 3) }),
        },
      }),
    ),
  ),
);

const fused: readonly RuleCase[] = [
  'com.microsoft.FusedMatMul',
  'com.microsoft.TransposeMatMul',
].flatMap((rule) =>
  [0, 1].flatMap((transA) =>
    [0, 1].flatMap((transB) =>
      (
        [
          [[], []],
          [[2], []],
          [[], [2]],
          [[2, 1], [3]],
        ] as const
      ).map(
        ([batchA, batchB]): RuleCase => ({
          rule,
          about: `transA ${transA}, transB ${transB}, batches [${batchA}] and [${batchB}]`,
          nodes: [node(rule, 'a b', 'y', { transA, transB, alpha: { float: 0.5 } })],
          inputs: {
            a: spread([...batchA, ...(transA === 1 ? [3, 2] : [2, 3])], 1),
            b: spread([...batchB, ...(transB === 1 ? [4, 3] : [3, 4])], 2),
          },
          // Its kernel exists for float32 only; products are linear in each element.
          expected: { kind: 'linear' },
        }),
      ),
    ),
  ),
);

const einsums: readonly RuleCase[] = (
  [
    [
      'ij,jk->ik',
      [
        [2, 3],
        [3, 4],
      ],
    ],
    [
      'bij,bkj->bik',
      [
        [2, 2, 3],
        [2, 4, 3],
      ],
    ],
    ['ij->ji', [[2, 3]]],
    ['ij->i', [[2, 3]]],
    ['ij->', [[2, 3]]],
    ['i,j->ij', [[2], [3]]],
    [
      'ij,jk',
      [
        [2, 3],
        [3, 4],
      ],
    ],
    [
      'ba,cb',
      [
        [2, 3],
        [4, 2],
      ],
    ],
    ['ij,j,jk->ik', [[2, 3], [3], [3, 2]]],
    [
      'bhwc,hkc->bhwk',
      [
        [1, 2, 3, 2],
        [2, 4, 2],
      ],
    ],
    [
      'ij,ij->',
      [
        [2, 3],
        [2, 3],
      ],
    ],
    [
      ' i j , j k -> i k ',
      [
        [2, 3],
        [3, 4],
      ],
    ],
    [
      'ij,jk->ik',
      [
        [0, 3],
        [3, 2],
      ],
    ],
    [
      'ij,kj->k',
      [
        [2, 3],
        [4, 3],
      ],
    ],
  ] as const
).map(([equation, shapes], index): RuleCase => {
  const names = shapes.map((_, position) => 'abc'[position] ?? 'z');
  return {
    rule: 'Einsum',
    about: `${equation} of ${shapes.map((dims) => `[${dims}]`).join(' ')}`,
    nodes: [node('Einsum', names.join(' '), 'y', { equation })],
    inputs: Object.fromEntries(
      names.map((name, position) => [name, spread(shapes[position] ?? [], index * 3 + position)]),
    ),
  };
});

const ellipses: readonly RuleCase[] = (
  [
    [
      '...ij,...jk->...ik',
      [
        [2, 2, 3],
        [2, 3, 2],
      ],
    ],
    [
      '...ij,jk->...ik',
      [
        [2, 2, 3],
        [3, 2],
      ],
    ],
    [
      '...ij,...jk->...ik',
      [
        [2, 1, 2, 3],
        [1, 3, 3, 2],
      ],
    ],
    [
      '...i,...i',
      [
        [2, 3],
        [2, 3],
      ],
    ],
  ] as const
).map(([equation, shapes], index): RuleCase => {
  const names = shapes.map((_, position) => 'abc'[position] ?? 'z');
  return {
    rule: 'Einsum',
    about: `${equation} of ${shapes.map((dims) => `[${dims}]`).join(' ')}`,
    nodes: [node('Einsum', names.join(' '), 'y', { equation })],
    inputs: Object.fromEntries(
      names.map((name, position) => [name, spread(shapes[position] ?? [], index * 3 + position)]),
    ),
    needsRank: 'the letters behind an ellipsis must be counted',
  };
});

const others: readonly RuleCase[] = [
  {
    rule: 'MatMul',
    about: 'of a tensor with itself',
    nodes: [node('MatMul', 'x x', 'y')],
    inputs: { x: spread([3, 3], 1) },
  },
  {
    rule: 'Gemm',
    about: 'with no rows',
    nodes: [node('Gemm', 'a b c', 'y')],
    inputs: { a: spread([0, 3], 1), b: spread([3, 2], 2), c: spread([2], 3) },
  },
  ...(
    [
      ['Relu', {}],
      ['LeakyRelu', { activation_alpha: { float: 0.1 } }],
      ['Tanh', {}],
      ['Sigmoid', {}],
    ] as const
  ).map(
    ([activation, attributes]): RuleCase => ({
      rule: 'com.microsoft.FusedGemm',
      about: `with ${activation}`,
      nodes: [
        node('com.microsoft.FusedGemm', 'a b c', 'y', {
          transB: 1,
          alpha: { float: 0.5 },
          activation,
          ...attributes,
        }),
      ],
      inputs: { a: spread([2, 3], 1), b: spread([4, 3], 2), c: spread([4], 3) },
      expected: {
        kind: 'reference',
        outputs: ({ a, b, c }) => ({
          y: Array.from({ length: 8 }, (_, place) => {
            const [row, column] = [Math.floor(place / 4), place % 4];
            let sum = c?.values[column] ?? 0;
            for (let k = 0; k < 3; k++) {
              sum += 0.5 * (a?.values[row * 3 + k] ?? 0) * (b?.values[column * 3 + k] ?? 0);
            }
            switch (activation) {
              case 'Relu':
                return Math.max(0, sum);
              case 'LeakyRelu':
                return sum > 0 ? sum : Math.fround(0.1) * sum;
              case 'Tanh':
                return Math.tanh(sum);
              case 'Sigmoid':
                return 1 / (1 + Math.exp(-sum));
              default:
                return sum;
            }
          }),
        }),
      },
    }),
  ),
  {
    rule: 'com.microsoft.Inverse',
    about: 'of two matrices',
    nodes: [node('com.microsoft.Inverse', 'x', 'y')],
    inputs: {
      x: {
        type: 'float',
        dims: [2, 2, 2],
        values: [2, 0.5, -0.3, 1.5, -1, 0.2, 0.7, 3],
      },
    },
  },
];

export const productCases: readonly RuleCase[] = [
  ...matMuls,
  ...gemms,
  ...fused,
  ...einsums,
  ...ellipses,
  ...others,
];
