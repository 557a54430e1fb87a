import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { differentiate, type GradientRule, type OnnxModel, readModel } from '../../src/index.js';
import { feed, runOnce } from '../support/made-model.js';

const float = {
  value: {
    case: 'tensorType' as const,
    value: { elemType: 1, shape: { dim: [{ value: { case: 'dimValue' as const, value: 2n } }] } },
  },
};

/** A model with a function of its own, Triple(a) = a + a + a, which it calls on `input`; y = x² + Triple(input). */
function modelCalling(input: 'x' | 'shift'): OnnxModel {
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [
      { domain: '', version: 21n },
      { domain: 'made.functions', version: 1n },
    ],
    graph: {
      name: 'made',
      input: [
        { name: 'x', type: float },
        { name: 'shift', type: float },
      ],
      output: [{ name: 'y', type: float }],
      node: [
        { opType: 'Triple', domain: 'made.functions', name: 'call', input: [input], output: ['t'] },
        { opType: 'Mul', input: ['x', 'x'], output: ['square'] },
        { opType: 'Add', input: ['square', 't'], output: ['y'] },
      ],
    },
    functions: [
      {
        name: 'Triple',
        domain: 'made.functions',
        input: ['a'],
        output: ['b'],
        opsetImport: [{ domain: '', version: 21n }],
        node: [{ opType: 'Sum', input: ['a', 'a', 'a'], output: ['b'] }],
      },
    ],
  });
  return readModel(toBinary(ModelProtoSchema, model));
}

const feeds = {
  x: feed('float32', [2], [2, -3]),
  shift: feed('float32', [2], [1, 10]),
  'cotangent.y': feed('float32', [2], [1, 1]),
};

describe('functions that a model brings along', () => {
  it('run where they are not differentiated', async () => {
    const derived = differentiate(modelCalling('shift'), { outputs: ['y'], wrt: ['x'] });
    const results = await runOnce(derived, feeds);
    expect(results.y).toEqual([7, 39]);
    expect(results['gradient.x']).toEqual([4, -6]);
  });

  it('are named by the error where they are', () => {
    const attempt = (): unknown => differentiate(modelCalling('x'), { outputs: ['y'], wrt: ['x'] });
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'missing-rule',
        operator: 'Triple',
        domain: 'made.functions',
        node: 'call',
      }),
    );
  });

  it('take a rule of the caller', async () => {
    const triple: GradientRule = ({ ops, gradOutput }) => [ops.mul(gradOutput(0), 3)];
    const derived = differentiate(modelCalling('x'), {
      outputs: ['y'],
      wrt: ['x'],
      rules: { 'made.functions': { Triple: triple } },
    });
    const results = await runOnce(derived, feeds);
    expect(results.y).toEqual([10, 0]);
    expect(results['gradient.x']).toEqual([7, -3]);
  });
});
