import { describe, expect, it } from 'vitest';
import type { GraphNode } from '../codec/model.js';
import { gradientsWhenReady } from './gradients-when-ready.js';

const node = (name: string, inputs: string[], outputs: string[]): GraphNode => ({
  name,
  operator: 'Op',
  domain: '',
  inputs,
  outputs,
  attributes: [],
  other: [],
});

/** Two layers going back: dy reaches layer 2 first, and each has a product and a rename of its own. */
const nodes = [
  node('forward 1', ['x', 'w1'], ['h']),
  node('forward 2', ['h', 'w2'], ['y']),
  node('product 2', ['h', 'dy'], ['p2']),
  node('back 2', ['dy', 'w2'], ['dh']),
  node('product 1', ['x', 'dh'], ['p1']),
  node('back 1', ['dh', 'w1'], ['dx']),
  node('rename 1', ['p1'], ['gradient.w1']),
  node('rename 2', ['p2'], ['gradient.w2']),
  node('rename x', ['dx'], ['gradient.x']),
];

describe('gradientsWhenReady', () => {
  it('ends with the gradient that is ready first', () => {
    const ordered = gradientsWhenReady(nodes, ['gradient.w1', 'gradient.w2', 'gradient.x']);
    expect(ordered.map(({ name }) => name)).toEqual([
      'forward 1',
      'forward 2',
      'back 2',
      'back 1',
      'rename x',
      'product 1',
      'rename 1',
      'product 2',
      'rename 2',
    ]);
  });

  it('keeps every node after those that it needs', () => {
    const ordered = gradientsWhenReady(nodes, ['gradient.w1', 'gradient.w2', 'gradient.x']);
    expect(new Set(ordered)).toEqual(new Set(nodes));
    const made = new Set(['x', 'w1', 'w2', 'dy']);
    for (const { inputs, outputs } of ordered) {
      for (const input of inputs) expect(made).toContain(input);
      for (const output of outputs) made.add(output);
    }
  });

  it('leaves alone what two gradients share', () => {
    const shared = [
      node('both', ['dy'], ['d']),
      node('a', ['d'], ['ga']),
      node('b', ['d'], ['gb']),
    ];
    const ordered = gradientsWhenReady(shared, ['ga', 'gb']);
    expect(ordered.map(({ name }) => name)).toEqual(['both', 'b', 'a']);
  });
});
