import { describe, expect, it } from 'vitest';
import { makeTensor } from '../../src/codec/tensor-values.js';
import { gatherBeforeLastMatMul, type OnnxModel } from '../../src/index.js';
import {
  feed,
  type MadeNode,
  makeModel,
  runOnce,
  seededSingles,
  weight,
} from '../support/made-model.js';

const head: MadeNode = {
  operator: 'MatMul',
  name: 'lm_head',
  inputs: ['hidden', 'w'],
  outputs: ['product'],
};

/** x → Tanh → product → tail → logits, of `[batch, length, 5]`. */
function decoder(tail: readonly MadeNode[], product: MadeNode = head): OnnxModel {
  return makeModel({
    inputs: { x: ['float32', ['batch', 'length', 4]] },
    initializers: [
      weight('w', [4, 5], 1),
      weight('wt', [5, 4], 2),
      weight('batched', [1, 4, 5], 3),
      weight('bias', [5], 4),
      weight('wide_bias', [1, 1, 5], 5),
      weight('row_bias', [3, 5], 6),
      makeTensor('cap', 'float32', [], [0.5]),
      makeTensor('shape', 'int64', [3], [0, 0, 5]),
      makeTensor('flat', 'int64', [2], [-1, 4]),
    ],
    nodes: [{ operator: 'Tanh', inputs: ['x'], outputs: ['hidden'] }, product, ...tail],
    outputs: { logits: ['float32', ['batch', 'length', 5]] },
  });
}

const tails: Readonly<Record<string, readonly MadeNode[]>> = {
  'no tail': [{ operator: 'Identity', inputs: ['product'], outputs: ['logits'] }],
  'a cast': [{ operator: 'Cast', inputs: ['product'], outputs: ['logits'], attributes: { to: 1 } }],
  'a bias': [{ operator: 'Add', inputs: ['product', 'bias'], outputs: ['logits'] }],
  'a bias on the left': [{ operator: 'Add', inputs: ['bias', 'product'], outputs: ['logits'] }],
  'soft-capping': [
    { operator: 'Div', inputs: ['product', 'cap'], outputs: ['divided'] },
    { operator: 'Tanh', inputs: ['divided'], outputs: ['bent'] },
    { operator: 'Mul', inputs: ['bent', 'cap'], outputs: ['logits'] },
  ],
};

const x = feed('float32', [2, 3, 4], seededSingles(8, [2, 3, 4]));
const picked = [
  [1, 2],
  [0, 0],
  [1, 0],
  [1, 2],
];
const positions = feed('int64', [4, 2], picked.flat());

async function expectPicked(model: OnnxModel): Promise<void> {
  const all = (await runOnce(model, { x })).logits ?? [];
  const gathered = gatherBeforeLastMatMul(model);
  expect(gathered.graph.outputs[0]?.shape).toHaveLength(2);
  const { logits } = await runOnce(gathered, { x, logit_positions: positions });
  expect(all).toHaveLength(30);
  expect(logits).toEqual(
    picked.flatMap(([row = 0, position = 0]) => {
      const start = (row * 3 + position) * 5;
      return all.slice(start, start + 5);
    }),
  );
}

describe('gatherBeforeLastMatMul', () => {
  it.each(Object.entries(tails))('with %s', (_, tail) => expectPicked(decoder(tail)));
  it('with a transposed weight', () =>
    expectPicked(
      decoder(tails['no tail'] ?? [], {
        operator: 'FusedMatMul',
        domain: 'com.microsoft',
        inputs: ['hidden', 'wt'],
        outputs: ['product'],
        attributes: { transB: 1 },
      }),
    ));
  it('takes names for its input and output', () => {
    const gathered = gatherBeforeLastMatMul(decoder(tails['a bias'] ?? []), {
      output: 'logits',
      positions: 'where',
    });
    expect(gathered.graph.inputs.map(({ name }) => name)).toEqual(['x', 'where']);
  });
});

describe('what gatherBeforeLastMatMul refuses', () => {
  const refuses = (model: OnnxModel, details: object): void => {
    expect(() => gatherBeforeLastMatMul(model)).toThrow(
      expect.objectContaining({ name: 'OnnxAutogradError', ...details }),
    );
  };
  it('a Reshape after the product', () =>
    refuses(
      decoder([
        { operator: 'Reshape', name: 'shaping', inputs: ['product', 'shape'], outputs: ['logits'] },
      ]),
      {
        code: 'unsupported',
        node: 'shaping',
        operator: 'Reshape',
      },
    ));
  it('a softmax after the product', () =>
    refuses(
      decoder([{ operator: 'Softmax', name: 'soft', inputs: ['product'], outputs: ['logits'] }]),
      {
        code: 'unsupported',
        node: 'soft',
      },
    ));
  it('a sum of two activations', () =>
    refuses(
      decoder([
        { operator: 'Add', name: 'residual', inputs: ['product', 'product'], outputs: ['logits'] },
      ]),
      {
        code: 'unsupported',
        node: 'residual',
      },
    ));
  it.each(['wide_bias', 'row_bias'])('a constant of the shape of %s', (bias) =>
    refuses(
      decoder([
        { operator: 'Add', name: 'biased', inputs: ['product', bias], outputs: ['logits'] },
      ]),
      {
        code: 'unsupported',
        node: 'biased',
      },
    ),
  );
  it('a product with a batch of weights', () =>
    refuses(decoder(tails['no tail'] ?? [], { ...head, inputs: ['hidden', 'batched'] }), {
      code: 'unsupported',
      node: 'lm_head',
    }));
  it('a product of rows without a batch', () =>
    refuses(
      makeModel({
        inputs: { x: ['float32', ['rows', 4]] },
        initializers: [weight('w', [4, 5], 1)],
        nodes: [{ operator: 'MatMul', name: 'lm_head', inputs: ['x', 'w'], outputs: ['logits'] }],
        outputs: { logits: ['float32', ['rows', 5]] },
      }),
      { code: 'unsupported', node: 'lm_head' },
    ));
  it('an output that is not there', () => {
    expect(() =>
      gatherBeforeLastMatMul(decoder(tails['a bias'] ?? []), { output: 'scores' }),
    ).toThrow(expect.objectContaining({ code: 'unknown-name' }));
  });
});
