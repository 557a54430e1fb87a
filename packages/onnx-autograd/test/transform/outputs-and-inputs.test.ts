import { describe, expect, it } from 'vitest';
import { readTensorValues } from '../../src/codec/tensor-values.js';
import { differentiate, keepOutputs, makeTrainable } from '../../src/index.js';
import { feed, makeModel, runOnce, seededSingles, weight } from '../support/made-model.js';

const x = feed('float32', [2, 3], seededSingles(1, [2, 3]));
const model = makeModel({
  inputs: { x: ['float32', ['rows', 3]], extra: ['float32', [3]] },
  initializers: [weight('w', [3, 4], 2), weight('v', [3, 2], 3), weight('b', [4], 4)],
  nodes: [
    { operator: 'MatMul', inputs: ['x', 'w'], outputs: ['xw'] },
    { operator: 'Add', inputs: ['xw', 'b'], outputs: ['first'] },
    { operator: 'Add', inputs: ['x', 'extra'], outputs: ['moved'] },
    { operator: 'MatMul', inputs: ['moved', 'v'], outputs: ['second'] },
  ],
  outputs: { first: ['float32', ['rows', 4]], second: ['float32', ['rows', 2]] },
});

describe('keepOutputs', () => {
  it('drops outputs with the nodes, weights and inputs that only they need', async () => {
    const { graph } = keepOutputs(model, ['first']);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['first']);
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(graph.initializers.map(({ name }) => name)).toEqual(['w', 'b']);
    expect(graph.nodes.map(({ outputs }) => outputs[0])).toEqual(['xw', 'first']);
    const extra = feed('float32', [3], [0, 0, 0]);
    const whole = await runOnce(model, { x, extra });
    expect(await runOnce({ ...model, graph }, { x })).toEqual({ first: whole.first });
  });
  it('keeps what an output needs of a graph whose nodes are out of order', () => {
    const { graph } = model;
    const reversed = { ...model, graph: { ...graph, nodes: [...graph.nodes].reverse() } };
    const kept = keepOutputs(reversed, ['second']).graph;
    expect(kept.inputs.map(({ name }) => name)).toEqual(['x', 'extra']);
    expect(kept.nodes.map(({ outputs }) => outputs[0])).toEqual(['moved', 'second']);
  });
  it('gives them in the order asked for', () => {
    const { graph } = keepOutputs(model, ['second', 'first']);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['second', 'first']);
  });
  it('refuses a name that is no output', () => {
    expect(() => keepOutputs(model, ['xw'])).toThrow(
      expect.objectContaining({
        code: 'unknown-name',
        message: expect.stringContaining('first, second'),
      }),
    );
  });
});

describe('makeTrainable', () => {
  it('gives the gradient that the initializer has', async () => {
    const extra = feed('float32', [3], [0.5, 0, 1]);
    const cotangents = {
      'cotangent.first': feed('float32', [2, 4], seededSingles(5, [2, 4])),
      'cotangent.second': feed('float32', [2, 2], seededSingles(6, [2, 2])),
    };
    const options = { outputs: ['first', 'second'], wrt: ['w', 'v', 'b', 'x'] };
    const fixed = await runOnce(differentiate(model, options), { x, extra, ...cotangents });
    const trainable = makeTrainable(model, ['w', 'b']);
    expect(trainable.graph.inputs.map(({ name }) => name)).toEqual(['x', 'extra', 'w', 'b']);
    expect(trainable.graph.initializers.map(({ name }) => name)).toEqual(['v']);
    const values = Object.fromEntries(
      model.graph.initializers
        .filter(({ name }) => name !== 'v')
        .map((tensor) => [
          tensor.name,
          feed('float32', tensor.dims, readTensorValues(tensor, undefined) ?? []),
        ]),
    );
    const derived = differentiate(trainable, options);
    const fed = await runOnce(derived, { x, extra, ...cotangents, ...values });
    expect(fed['gradient.w']?.length).toBe(12);
    expect(fed).toEqual(fixed);
  });
  it('refuses a name that is no initializer', () => {
    expect(() => makeTrainable(model, ['w', 'x'])).toThrow(
      expect.objectContaining({
        code: 'unknown-name',
        message: expect.stringContaining('w, v, b'),
      }),
    );
  });
});
