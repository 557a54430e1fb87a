import { describe, expect, it } from 'vitest';
import { differentiate } from '../../src/index.js';
import { seededNumbers } from '../support/made-model.js';
import {
  checkAffine,
  constant,
  floats,
  type OperatorCase,
  operatorModel,
} from '../support/operator-check.js';

function product(type: number, rows: number, columns: number): OperatorCase {
  const count = rows * columns;
  const bytes = seededNumbers(1, Math.ceil(count / 2)).map((value) =>
    Math.floor((value + 1) * 128),
  );
  return {
    operator: 'MatMulBnb4',
    domain: 'com.microsoft',
    attributes: { K: columns, N: rows, block_size: 16, quant_type: type, transB: 1 },
    inputs: [
      floats(2, [2, 3, columns]),
      constant({ type: 'uint8', dims: [bytes.length], values: bytes }),
      constant(floats(3, [Math.ceil(count / 16)])),
    ],
  };
}

describe.each([
  ['FP4', 0],
  ['NF4', 1],
])('MatMulBnb4 with %s', (_, type) => {
  it('in full blocks', () => checkAffine(product(type, 5, 32)));
  it('with blocks across rows and a last one that is not full', () =>
    checkAffine(product(type, 3, 24)));
});

it('refuses gradients of the scales', () => {
  const model = operatorModel(product(1, 5, 32));
  expect(() => differentiate(model, { outputs: ['y0'], wrt: ['x2'] })).toThrow(
    expect.objectContaining({ code: 'unsupported', node: 'tested' }),
  );
});
