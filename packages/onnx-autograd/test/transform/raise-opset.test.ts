import { describe, expect, it } from 'vitest';
import type { OnnxModel } from '../../src/codec/model.js';
import { differentiate, raiseOpset } from '../../src/index.js';
import {
  feed,
  largest,
  type MadeNode,
  makeModel,
  runOnce,
  seededSingles,
  weight,
} from '../support/made-model.js';

const x = feed('float32', [2, 3, 4], seededSingles(1, [2, 3, 4]));

function modelOf(opset: number, nodes: readonly MadeNode[]): OnnxModel {
  return makeModel({
    opset,
    inputs: { x: ['float32', ['batch', 3, 4]] },
    initializers: [weight('w', [4, 4], 2)],
    nodes,
    outputs: { y: ['float32', undefined] },
  });
}

/** One node of each kind whose form changed, written as its version demands. */
const changed: Readonly<Record<string, { from: number; nodes: readonly MadeNode[] }>> = {
  'Unsqueeze and Squeeze': {
    from: 11,
    nodes: [
      { operator: 'Unsqueeze', inputs: ['x'], outputs: ['u'], attributes: { axes: [0, 2] } },
      { operator: 'Squeeze', inputs: ['u'], outputs: ['y'], attributes: { axes: [0] } },
    ],
  },
  'ReduceSum over axes': {
    from: 11,
    nodes: [
      {
        operator: 'ReduceSum',
        inputs: ['x'],
        outputs: ['y'],
        attributes: { axes: [1], keepdims: 0 },
      },
    ],
  },
  'ReduceSum over all': {
    from: 11,
    nodes: [{ operator: 'ReduceSum', inputs: ['x'], outputs: ['y'] }],
  },
  'ReduceMean and ReduceMax': {
    from: 12,
    nodes: [
      { operator: 'ReduceMean', inputs: ['x'], outputs: ['m'], attributes: { axes: [-1] } },
      { operator: 'ReduceMax', inputs: ['x'], outputs: ['n'], attributes: { axes: [-1] } },
      { operator: 'Sub', inputs: ['n', 'm'], outputs: ['y'] },
    ],
  },
  'ReduceL2 over all': {
    from: 12,
    nodes: [{ operator: 'ReduceL2', inputs: ['x'], outputs: ['y'], attributes: { keepdims: 0 } }],
  },
  'Split into given sizes': {
    from: 11,
    nodes: [
      {
        operator: 'Split',
        inputs: ['x'],
        outputs: ['a', 'b'],
        attributes: { axis: 2, split: [1, 3] },
      },
      { operator: 'Mul', inputs: ['a', 'b'], outputs: ['y'] },
    ],
  },
  'Split into equal parts': {
    from: 12,
    nodes: [
      { operator: 'Split', inputs: ['x'], outputs: ['a', 'b'], attributes: { axis: 2 } },
      { operator: 'Mul', inputs: ['a', 'b'], outputs: ['y'] },
    ],
  },
  'Softmax over the last axis': {
    from: 11,
    nodes: [{ operator: 'Softmax', inputs: ['x'], outputs: ['y'], attributes: { axis: -1 } }],
  },
  'Softmax over an axis counted from the front': {
    from: 11,
    nodes: [{ operator: 'Softmax', inputs: ['x'], outputs: ['y'], attributes: { axis: 2 } }],
  },
  'Softmax over flattened axes': {
    from: 11,
    nodes: [{ operator: 'Softmax', inputs: ['x'], outputs: ['y'] }],
  },
  'LogSoftmax over flattened axes': {
    from: 12,
    nodes: [{ operator: 'LogSoftmax', inputs: ['x'], outputs: ['y'], attributes: { axis: 1 } }],
  },
  'Dropout with a rate': {
    from: 11,
    nodes: [
      { operator: 'Dropout', inputs: ['x'], outputs: ['d'], attributes: { ratio: { float: 0.3 } } },
      { operator: 'Neg', inputs: ['d'], outputs: ['y'] },
    ],
  },
  'a product': { from: 11, nodes: [{ operator: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }] },
};

describe.each([17, 21])('raiseOpset to %d', (to) => {
  it.each(Object.entries(changed))('%s: the same bits', async (_, { from, nodes }) => {
    const old = modelOf(from, nodes);
    const raised = raiseOpset(old, to);
    expect(raised.opsetImports.get('')).toBe(to);
    const [before, after] = await Promise.all(
      [old, raised].map((model) => runOnce(model, { x }, { graphOptimization: 'disabled' })),
    );
    expect(before?.y?.length).toBeGreaterThan(0);
    expect(after?.y).toEqual(before?.y);
  });
});

it.each(Object.entries(changed))(
  '%s of an old model can be differentiated',
  async (_, { from, nodes }) => {
    const old = modelOf(from, nodes);
    const { y } = await runOnce(old, { x });
    const derived = differentiate(old, { outputs: ['y'], wrt: ['x'] });
    const dims = await shapeOf(old);
    const cotangent = feed('float32', dims, seededSingles(5, dims));
    const results = await runOnce(derived, { x, 'cotangent.y': cotangent });
    expect(results.y).toEqual(y);
    expect(largest(results['gradient.x'] ?? [])).toBeGreaterThan(0);
  },
);

/** Shape of y, found by a Shape node beside it. */
async function shapeOf(model: OnnxModel): Promise<number[]> {
  const { graph } = model;
  const shape = makeModel({
    inputs: {},
    nodes: [{ operator: 'Shape', inputs: ['y'], outputs: ['dims'] }],
    outputs: { dims: ['int64', undefined] },
  }).graph;
  const both = {
    ...model,
    graph: { ...graph, nodes: [...graph.nodes, ...shape.nodes], outputs: shape.outputs },
  };
  return (await runOnce(both, { x })).dims ?? [];
}

describe('what raiseOpset leaves and refuses', () => {
  it('returns a model that is new enough as it is', () => {
    const model = modelOf(17, changed['a product']?.nodes ?? []);
    expect(raiseOpset(model)).toBe(model);
    expect(raiseOpset(model, 13)).toBe(model);
  });
  it('refuses a model older than 11', () => {
    expect(() => raiseOpset(modelOf(10, []))).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
  });
  it('refuses an operator that means something else', () => {
    const node = { operator: 'RoiAlign', name: 'align', inputs: ['x', 'r', 'i'], outputs: ['y'] };
    expect(() => raiseOpset(modelOf(12, [node]), 17)).toThrow(
      expect.objectContaining({ code: 'unsupported', node: 'align', operator: 'RoiAlign' }),
    );
  });
  it('gives GridSample the new names of its modes', async () => {
    const model = makeModel({
      opset: 16,
      inputs: { image: ['float32', [1, 1, 3, 3]], grid: ['float32', [1, 2, 2, 2]] },
      nodes: [
        {
          operator: 'GridSample',
          inputs: ['image', 'grid'],
          outputs: ['y'],
          attributes: { mode: 'bilinear' },
        },
      ],
      outputs: { y: ['float32', undefined] },
    });
    const feeds = {
      image: feed('float32', [1, 1, 3, 3], seededSingles(1, [9])),
      grid: feed('float32', [1, 2, 2, 2], seededSingles(2, [8])),
    };
    const [before, after] = await Promise.all(
      [model, raiseOpset(model, 21)].map((each) => runOnce(each, feeds)),
    );
    expect(after?.y).toEqual(before?.y);
  });
});
