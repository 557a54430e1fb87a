import { describe, expect, it } from 'vitest';
import type { Graph, GraphNode, OnnxModel } from '../../src/codec/model.js';
import {
  chooseBranches,
  createSession,
  differentiate,
  modelToBytes,
  readModel,
} from '../../src/index.js';
import { feed, makeModel, runOnce } from '../support/made-model.js';

function branchNode(output: string, then: Graph, otherwise: Graph): GraphNode {
  const attribute = (name: string, value: Graph): GraphNode['attributes'][number] => ({
    name,
    value: { kind: 'graph', value },
    other: [],
  });
  return {
    name: `choose ${output}`,
    operator: 'If',
    domain: '',
    inputs: ['use_cache_branch'],
    outputs: [output],
    attributes: [attribute('then_branch', then), attribute('else_branch', otherwise)],
    other: [],
  };
}

/** y = use_cache_branch ? x·x : 3x, the branches built from nodes of their own. */
function merged(nested = false): OnnxModel {
  const scale = makeModel({
    inputs: {},
    nodes: [
      {
        operator: 'Constant',
        inputs: [],
        outputs: ['three'],
        attributes: { value_float: { float: 3 } },
      },
      { operator: 'Mul', inputs: ['x', 'three'], outputs: ['result'] },
    ],
    outputs: { result: ['float32', [2]] },
  }).graph;
  const square = makeModel({
    inputs: {},
    nodes: [{ operator: 'Mul', inputs: ['x', 'x'], outputs: ['result'] }],
    outputs: { result: ['float32', [2]] },
  }).graph;
  const base = makeModel({
    inputs: { x: ['float32', [2]], use_cache_branch: ['bool', [1]] },
    nodes: nested ? [{ operator: 'Add', inputs: ['first', 'second'], outputs: ['y'] }] : [],
    outputs: { y: ['float32', [2]] },
  });
  const choice = nested
    ? [
        // Both move out side by side, and use the names `three` and `result`.
        branchNode('first', square, {
          ...scale,
          nodes: [
            ...scale.nodes,
            branchNode('inner', rename(square), rename(scale)),
            sumOf('result', 'inner'),
          ],
          outputs: scale.outputs.map((output) => ({ ...output, name: 'sum' })),
        }),
        branchNode('second', square, scale),
      ]
    : [branchNode('y', square, scale)];
  return { ...base, graph: { ...base.graph, nodes: [...choice, ...base.graph.nodes] } };
}

/** The branch with other names, since those of an enclosing graph may not be used again. */
function rename(graph: Graph): Graph {
  const deeper = (name: string): string => (name === 'x' ? name : `deeper/${name}`);
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(deeper),
      outputs: node.outputs.map(deeper),
    })),
    outputs: graph.outputs.map((output) => ({ ...output, name: deeper(output.name) })),
  };
}

function sumOf(a: string, b: string): GraphNode {
  const shared = { domain: '', attributes: [], other: [] };
  return { ...shared, name: 'sum', operator: 'Add', inputs: [a, b], outputs: ['sum'] };
}

const x = feed('float32', [2], [1.5, -2]);

describe('chooseBranches', () => {
  it('takes the branch without past unless told otherwise', async () => {
    const chosen = chooseBranches(merged());
    expect(chosen.graph.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(chosen.graph.nodes.map(({ operator }) => operator)).not.toContain('If');
    expect((await runOnce(chosen, { x })).y).toEqual([4.5, -6]);
  });

  it.each([true, false])(
    'computes what the If does when its condition is %s',
    async (condition) => {
      const model = merged();
      const whole = await runOnce(model, {
        x,
        use_cache_branch: feed('bool', [1], [Number(condition)]),
      });
      const chosen = await runOnce(chooseBranches(model, { use_cache_branch: condition }), { x });
      expect(chosen.y).toEqual(whole.y);
    },
  );

  it('opens an If inside the chosen branch, and two that use the same names', async () => {
    const model = merged(true);
    const flags = { use_cache_branch: feed('bool', [1], [0]) };
    const whole = await runOnce(model, { x, ...flags });
    const chosen = chooseBranches(model);
    expect(chosen.graph.nodes.map(({ operator }) => operator)).not.toContain('If');
    expect((await runOnce(chosen, { x })).y).toEqual(whole.y);
  });

  it('leaves a model without such an If as it is', () => {
    const model = chooseBranches(merged());
    expect(chooseBranches(model)).toBe(model);
    expect(chooseBranches(merged(), { other: true }).graph.nodes[0]?.operator).toBe('If');
  });

  it('is what differentiate does first', async () => {
    const cotangent = { 'cotangent.y': feed('float32', [2], [1, 10]) };
    const wrt = ['x'];
    const fixed = differentiate(merged(), { outputs: ['y'], wrt });
    expect((await runOnce(fixed, { x, ...cotangent }))['gradient.x']).toEqual([3, 30]);
    const other = differentiate(merged(), {
      outputs: ['y'],
      wrt,
      branches: { use_cache_branch: true },
    });
    expect((await runOnce(other, { x, ...cotangent }))['gradient.x']).toEqual([3, -40]);
  });

  it('names the node that lacks a branch', () => {
    const model = merged();
    const nodes = model.graph.nodes.map((node) => ({
      ...node,
      attributes: node.attributes.slice(0, 1),
    }));
    const broken = { ...model, graph: { ...model.graph, nodes } };
    expect(() => chooseBranches(broken)).toThrow(
      expect.objectContaining({ code: 'malformed-model', operator: 'If' }),
    );
  });
});

describe('a fixed input', () => {
  it('is remembered through a file, and checked by the session', async () => {
    const chosen = readModel(modelToBytes(chooseBranches(merged())));
    const session = await createSession(chosen);
    try {
      expect(session.inputNames).toEqual(['x']);
      const agreeing = await session.run({ x, use_cache_branch: feed('bool', [1], [0]) });
      expect(Array.from(agreeing.y?.data as Float32Array)).toEqual([4.5, -6]);
      await expect(
        session.run({ x, use_cache_branch: feed('bool', [1], [1]) }),
      ).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('branches'),
      });
    } finally {
      await session.dispose();
    }
  });
});
