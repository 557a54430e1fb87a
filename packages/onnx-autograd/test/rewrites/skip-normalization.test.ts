import { describe, expect, it } from 'vitest';
import { differentiate } from '../../src/index.js';
import { checkOperator, floats, operatorModel } from '../support/operator-check.js';

const domain = 'com.microsoft';

describe.each(['SkipSimplifiedLayerNormalization', 'SkipLayerNormalization'])('%s', (operator) => {
  const isSimplified = operator === 'SkipSimplifiedLayerNormalization';
  const attributes = { epsilon: { float: 1e-5 } };
  /** The inputs after input and skip: gamma, then beta where the operator has one, then bias. */
  const rest = (hasBias: boolean): ReturnType<typeof floats>[] => [
    floats(3, [6]),
    ...(isSimplified ? [] : [floats(4, [6])]),
    ...(hasBias ? [floats(5, [6])] : []),
  ];

  it('with input, skip and weight', () =>
    checkOperator({
      operator,
      domain,
      attributes,
      inputs: [floats(1, [2, 3, 6]), floats(2, [2, 3, 6]), ...rest(false)],
    }));

  it('with a bias and the sum as output', () =>
    checkOperator({
      operator,
      domain,
      attributes,
      inputs: [floats(1, [2, 3, 6]), floats(2, [2, 3, 6]), ...rest(true)],
      outputs: ['y0', '', '', 'y3'],
    }));

  it('with rows of rank 2', () =>
    checkOperator({
      operator,
      domain,
      attributes,
      inputs: [floats(1, [4, 6]), floats(2, [4, 6]), ...rest(false)],
    }));

  it.each([[[1, 3, 6]], [[3, 6]]])('with a skip of shape %j for every row', (shape) =>
    checkOperator({
      operator,
      domain,
      attributes,
      inputs: [floats(1, [2, 3, 6]), floats(2, shape), ...rest(true)],
    }),
  );

  it('with sizes that are known at run time only', () => {
    const shape = ['batch', 'length', 6];
    return checkOperator({
      operator,
      domain,
      attributes,
      inputs: [
        { ...floats(1, [2, 3, 6]), shape },
        { ...floats(2, [2, 3, 6]), shape },
        ...rest(true),
      ],
      outputs: ['y0', '', '', 'y3'],
    });
  });

  it('refuses its statistics as outputs', () => {
    const model = operatorModel({
      operator,
      domain,
      inputs: [floats(1, [2, 3, 6]), floats(2, [2, 3, 6]), ...rest(false)],
      outputs: ['y0', '', 'y2'],
    });
    expect(() => differentiate(model, { outputs: ['y0'], wrt: ['x0'] })).toThrow(
      expect.objectContaining({ code: 'unsupported', node: 'tested', operator }),
    );
  });
});

it('SkipLayerNormalization without beta', () =>
  checkOperator({
    operator: 'SkipLayerNormalization',
    domain,
    attributes: {},
    inputs: [floats(1, [2, 3, 6]), floats(2, [2, 3, 6]), floats(3, [6]), undefined, floats(5, [6])],
  }));
