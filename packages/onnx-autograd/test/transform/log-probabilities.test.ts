import { describe, expect, it } from 'vitest';
import { addLogProbabilities, differentiate, type OnnxModel } from '../../src/index.js';
import {
  feed,
  largestDifference,
  makeModel,
  runOnce,
  seededSingles,
} from '../support/made-model.js';

const [rows, vocabulary] = [4, 7];
const values = seededSingles(1, [rows, vocabulary], 6);
const targets = [3, 0, 6, 3];

/** Logits are twice the input. */
function modelOf(
  shape: readonly (number | string)[],
  type: 'float32' | 'float16' = 'float32',
): OnnxModel {
  return makeModel({
    inputs: { x: ['float32', shape] },
    nodes: [
      { operator: 'Add', inputs: ['x', 'x'], outputs: ['twice'] },
      {
        operator: 'Cast',
        inputs: ['twice'],
        outputs: ['logits'],
        attributes: { to: type === 'float32' ? 1 : 10 },
      },
    ],
    outputs: { logits: [type, shape] },
  });
}

/** Log-probabilities, entropies and d Σ log p_target / d x, in doubles. */
function reference(temperature: number): {
  logprobs: number[];
  entropy: number[];
  gradient: number[];
} {
  const logprobs: number[] = [];
  const entropy: number[] = [];
  const gradient: number[] = [];
  for (const [row, target] of targets.entries()) {
    const logits = values
      .slice(row * vocabulary, (row + 1) * vocabulary)
      .map((value) => (2 * value) / temperature);
    const most = Math.max(...logits);
    const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0)) + most;
    const logs = logits.map((logit) => logit - total);
    logprobs.push(logs[target] ?? Number.NaN);
    entropy.push(-logs.reduce((sum, log) => sum + Math.exp(log) * log, 0));
    gradient.push(
      ...logs.map((log, index) => (2 / temperature) * (Number(index === target) - Math.exp(log))),
    );
  }
  return { logprobs, entropy, gradient };
}

const feeds = (
  temperature: number,
  leading: readonly number[] = [rows],
): Parameters<typeof runOnce>[1] => ({
  x: feed('float32', [...leading, vocabulary], values),
  target_ids: feed('int64', leading, targets),
  temperature: feed('float32', [], [temperature]),
});

describe.each(['cpu', 'webgpu'] as const)('addLogProbabilities for %s', (target) => {
  it.each([1, 0.7, 2])('at temperature %d', async (temperature) => {
    const model = addLogProbabilities(modelOf(['n', vocabulary]), { entropy: 'entropy', target });
    const results = await runOnce(model, feeds(temperature));
    const expected = reference(temperature);
    expect(largestDifference(results.logprobs ?? [], expected.logprobs)).toBeLessThanOrEqual(1e-5);
    expect(largestDifference(results.entropy ?? [], expected.entropy)).toBeLessThanOrEqual(1e-5);
  });
  it('with a batch and positions', async () => {
    const model = addLogProbabilities(modelOf(['b', 's', vocabulary]), {
      entropy: 'entropy',
      target,
    });
    expect(model.graph.outputs.slice(1).map(({ shape }) => shape)).toEqual([
      ['b', 's'],
      ['b', 's'],
    ]);
    const results = await runOnce(model, feeds(1, [2, 2]));
    expect(largestDifference(results.logprobs ?? [], reference(1).logprobs)).toBeLessThanOrEqual(
      1e-5,
    );
  });
  it('has the gradient of a softmax', async () => {
    const model = addLogProbabilities(modelOf(['n', vocabulary]), { target });
    const derived = differentiate(model, { outputs: ['logprobs'], wrt: ['x'], target });
    const results = await runOnce(derived, {
      ...feeds(0.7),
      'cotangent.logprobs': feed('float32', [rows], [1, 1, 1, 1]),
    });
    expect(
      largestDifference(results['gradient.x'] ?? [], reference(0.7).gradient),
    ).toBeLessThanOrEqual(1e-5);
  });
});

it('widens logits of half precision first', async () => {
  const results = await runOnce(
    addLogProbabilities(modelOf(['n', vocabulary], 'float16')),
    feeds(1),
  );
  // Logits up to 12 are rounded to 1/128 in half precision.
  expect(largestDifference(results.logprobs ?? [], reference(1).logprobs)).toBeLessThanOrEqual(
    2 / 128,
  );
});

it('takes other names', () => {
  const model = addLogProbabilities(modelOf(['n', vocabulary]), {
    targets: 'ids',
    temperature: 'heat',
    output: 'scores',
  });
  expect(model.graph.inputs.map(({ name }) => name)).toEqual(['x', 'ids', 'heat']);
  expect(model.graph.outputs.map(({ name }) => name)).toEqual(['logits', 'scores']);
});

it('refuses logits that are not there', () => {
  expect(() => addLogProbabilities(modelOf(['n', vocabulary]), { logits: 'scores' })).toThrow(
    expect.objectContaining({ code: 'unknown-name' }),
  );
});
