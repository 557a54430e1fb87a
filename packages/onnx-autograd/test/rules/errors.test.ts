import { describe, expect, it } from 'vitest';
import { differentiate, gradientRules, OnnxAutogradError, zeroGradient } from '../../src/index.js';
import { testSession, toFeeds } from '../support/central-differences.js';
import {
  bool,
  buildModel,
  float,
  ints,
  node,
  spread,
  type TestGraph,
  toNumbers,
} from '../support/graphs.js';

/** The error that differentiating a graph gives. */
function errorOf(graph: TestGraph, wrt: readonly string[] = ['x']): OnnxAutogradError {
  try {
    differentiate(buildModel(graph, 'float32'), { outputs: graph.outputs, wrt });
  } catch (error) {
    if (error instanceof OnnxAutogradError) return error;
    throw error;
  }
  throw new Error('Nothing was refused.');
}

interface Refused {
  readonly about: string;
  readonly graph: TestGraph;
  readonly wrt?: readonly string[];
}

const image = { x: spread([1, 2, 4, 4], 1) };
const rois = {
  roi: { type: 'float32', dims: [0], values: [] },
  sizes: ints(1, 2, 6, 6),
} as const;

describe('a rule that cannot do a node', () => {
  const refused: readonly Refused[] = [
    {
      about: 'Resize by tf_crop_and_resize',
      graph: {
        nodes: [
          node('Resize', 'x roi _ sizes', 'y', {
            coordinate_transformation_mode: 'tf_crop_and_resize',
          }),
        ],
        inputs: image,
        constants: rois,
        outputs: ['y'],
      },
    },
    {
      about: 'Resize that keeps the aspect ratio',
      graph: {
        nodes: [node('Resize', 'x _ _ sizes', 'y', { keep_aspect_ratio_policy: 'not_larger' })],
        inputs: image,
        constants: rois,
        outputs: ['y'],
      },
    },
    {
      about: 'BatchNormalization in training mode',
      graph: {
        nodes: [node('BatchNormalization', 'x g g g g', 'y', { training_mode: 1 })],
        inputs: image,
        constants: { g: float([2], [1, 1]) },
        outputs: ['y'],
      },
    },
    {
      about: 'Dropout in training mode',
      graph: {
        nodes: [node('Dropout', 'x r m', 'y')],
        inputs: image,
        constants: { r: float([], [0.5]), m: bool([], [1]) },
        outputs: ['y'],
      },
    },
    {
      about: 'Dropout in a mode that an input decides',
      graph: {
        nodes: [node('Dropout', 'x r m', 'y')],
        inputs: { ...image, m: bool([], [0]) },
        constants: { r: float([], [0.5]) },
        outputs: ['y'],
      },
    },
    {
      about: 'ScatterND with reduction mul',
      graph: {
        nodes: [node('ScatterND', 'x i u', 'y', { reduction: 'mul' })],
        inputs: { x: spread([3], 1) },
        constants: { i: { type: 'int64', dims: [1, 1], values: [0] }, u: float([1], [2]) },
        outputs: ['y'],
      },
    },
    {
      about: 'ScatterElements with reduction max',
      graph: {
        nodes: [node('ScatterElements', 'x i u', 'y', { reduction: 'max' })],
        inputs: { x: spread([3], 1) },
        constants: { i: ints(0), u: float([1], [2]) },
        outputs: ['y'],
      },
    },
    {
      about: 'Einsum with a letter twice in one operand',
      graph: {
        nodes: [node('Einsum', 'x', 'y', { equation: 'ii->i' })],
        inputs: { x: spread([3, 3], 1) },
        outputs: ['y'],
      },
    },
    {
      about: 'SoftmaxCrossEntropyLoss, with respect to the class weights',
      graph: {
        nodes: [node('SoftmaxCrossEntropyLoss', 'x l w', 'y')],
        inputs: { x: spread([2, 3], 1), w: float([3], [1, 2, 3]) },
        constants: { l: ints(0, 1) },
        outputs: ['y'],
      },
      wrt: ['w'],
    },
    {
      about: 'FusedMatMul with transBatchA',
      graph: {
        nodes: [node('com.microsoft.FusedMatMul', 'x x', 'y', { transBatchA: 1 })],
        inputs: { x: spread([2, 2, 2], 1) },
        outputs: ['y'],
      },
    },
    {
      about: 'Conv with an auto_pad that ONNX does not know',
      graph: {
        nodes: [node('Conv', 'x w', 'y', { auto_pad: 'SAME' })],
        inputs: image,
        constants: { w: spread([1, 2, 2, 2], 2) },
        outputs: ['y'],
      },
    },
    {
      about: 'Resize, with respect to the scales',
      graph: {
        nodes: [node('Resize', 'x _ s', 'y')],
        inputs: { ...image, s: float([4], [1, 1, 2, 2]) },
        outputs: ['y'],
      },
      wrt: ['s'],
    },
  ];

  it.each(refused)('$about: unsupported, with the node named', ({ graph, wrt }) => {
    const error = errorOf(graph, wrt);
    expect(error.code).toBe('unsupported');
    expect(error.node).toBe(graph.nodes[0]?.name);
    expect(error.operator).toBe(graph.nodes[0]?.operator);
    expect(error.message).toContain(graph.nodes[0]?.name);
  });
});

describe('an output whose gradient a rule does not use', () => {
  it('is an error, not a loss in silence', () => {
    const half = {
      '': {
        Split: gradientRules['']?.Identity ?? zeroGradient,
      },
    };
    const graph: TestGraph = {
      nodes: [node('Split', 'x', 'a b', { axis: 0, num_outputs: 2 }), node('Add', 'a b', 'y')],
      inputs: { x: spread([4], 1) },
      outputs: ['y'],
    };
    expect(() =>
      differentiate(buildModel(graph, 'float32'), { outputs: ['y'], wrt: ['x'], rules: half }),
    ).toThrow(/arrives at output 1 \("b"\) of node "Split:a b"/);
  });
});

describe('a name that moves nothing', () => {
  const noPath: readonly (readonly [string, TestGraph['nodes']])[] = [
    ['a shape', [node('Shape', 'x', 's'), node('Cast', 's', 'y', { to: 1 })]],
    ['a size', [node('Size', 'x', 's'), node('Cast', 's', 'y', { to: 1 })]],
    ['a comparison', [node('Greater', 'x zero', 'c'), node('Cast', 'c', 'y', { to: 1 })]],
    ['a condition', [node('Greater', 'x zero', 'c'), node('Where', 'c one zero', 'y')]],
    ['an index', [node('ArgMax', 'x', 'i', { keepdims: 0 }), node('Gather', 'table i', 'y')]],
    ['rounding', [node('Round', 'x', 'y')]],
    ['an integer', [node('Cast', 'x', 'i', { to: 7 }), node('Cast', 'i', 'y', { to: 1 })]],
    ['a type that is lent', [node('CastLike', 'table x', 'y')]],
    ['a limit', [node('ReduceMax', 'x', 'm', { keepdims: 0 }), node('Range', 'zero m one', 'y')]],
    ['nothing at all', [node('Identity', 'table', 'y')]],
  ];

  it.each(noPath)('through %s: no-path', (_, nodes) => {
    const error = errorOf({
      nodes,
      inputs: { x: spread([3], 1) },
      constants: { zero: float([], [0]), one: float([], [1]), table: float([3], [1, 2, 3]) },
      outputs: ['y'],
    });
    expect(error.code).toBe('no-path');
    expect(error.message).toContain('"x"');
  });

  it('is an index itself: no-path', () => {
    const graph: TestGraph = {
      nodes: [node('Gather', 'x i', 'y')],
      inputs: { x: spread([3], 1), i: ints(1) },
      outputs: ['y'],
    };
    expect(errorOf(graph, ['i']).code).toBe('no-path');
  });

  it.each(
    Object.entries(gradientRules['']!)
      .filter(([, rule]) => rule === zeroGradient)
      .map(([operator]) => operator),
  )('stops at %s', (operator) => {
    const count = ['And', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Or', 'Xor'];
    const graph: TestGraph = {
      nodes: [
        node(operator, count.includes(operator) ? 'x x' : 'x', 'c'),
        node('Cast', 'c', 'y', { to: 1 }),
      ],
      inputs: { x: spread([3], 1) },
      outputs: ['y'],
    };
    expect(errorOf(graph).code).toBe('no-path');
  });
});

describe('wrong value_info', () => {
  it('is not trusted for shapes', async () => {
    const graph: TestGraph = {
      nodes: [node('MatMul', 'x w', 'h'), node('Add', 'h b', 'y')],
      inputs: { x: spread([2, 3], 1), b: spread([4], 3) },
      constants: { w: spread([3, 4], 2) },
      outputs: ['y'],
    };
    const honest = buildModel(graph, 'float64', 'ranked');
    const wrong = { type: 'float64', encodedType: undefined, other: [] } as const;
    const lying = {
      ...honest,
      graph: { ...honest.graph, valueInfo: [{ ...wrong, name: 'h', shape: [1] }] },
    };
    const derived = differentiate(lying, { outputs: ['y'], wrt: ['x', 'b'] });
    // ONNX Runtime itself would refuse the declaration; what was written beside it must be right.
    const session = await testSession({ ...derived, graph: { ...derived.graph, valueInfo: [] } });
    try {
      const results = await session.run(
        toFeeds({ ...graph.inputs, 'cotangent.y': float([2, 4], new Array(8).fill(1)) }, 'float64'),
      );
      expect(toNumbers(results['gradient.b'])).toEqual([2, 2, 2, 2]);
      expect(results['gradient.x']?.dims).toEqual([2, 3]);
    } finally {
      await session.dispose();
    }
  });
});

describe('an initializer', () => {
  it('is differentiated like an input', async () => {
    const graph: TestGraph = {
      nodes: [node('Mul', 'x w', 'y')],
      inputs: { x: float([2, 2], [1, 2, 3, 4]) },
      constants: { w: float([2], [5, 6]) },
      outputs: ['y'],
    };
    const derived = differentiate(buildModel(graph, 'float64', 'unranked'), {
      outputs: ['y'],
      wrt: ['w'],
    });
    const session = await testSession(derived);
    try {
      const results = await session.run(
        toFeeds({ ...graph.inputs, 'cotangent.y': float([2, 2], [1, 1, 1, 1]) }, 'float64'),
      );
      expect(toNumbers(results['gradient.w'])).toEqual([4, 6]);
    } finally {
      await session.dispose();
    }
  });
});
