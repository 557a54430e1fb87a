import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { sessionLanes } from './session-lanes.js';

const small = 2 ** 20;
const large = 2 ** 30;
const cores = availableParallelism();

describe('threads of a model', () => {
  it('are several for a small model, and one for a large one', () => {
    expect(sessionLanes({}, small).length).toBe(Math.min(4, cores));
    expect(sessionLanes({}, large)).toEqual([{ worker: expect.any(String) }]);
  });
  it('are one when something of it is chosen', () => {
    expect(sessionLanes({ threads: 2 }, small)).toEqual([
      { worker: expect.any(String), threads: 2 },
    ]);
    expect(sessionLanes({ executionProviders: ['webgpu'] }, small).length).toBe(1);
    expect(sessionLanes({ worker: true }, small).length).toBe(1);
    expect(sessionLanes({ worker: false }, small)).toEqual([{ worker: false }]);
  });
  it('are as many as are asked for, and divide the cores', () => {
    const lanes = sessionLanes({ worker: 3 }, large);
    expect(lanes.map(({ threads }) => threads)).toEqual(
      Array(3).fill(Math.max(1, Math.floor(cores / 3))),
    );
  });
  it('belong to one model', () => {
    const names = [sessionLanes({ worker: 2 }, small), sessionLanes({ worker: 2 }, small)].flat();
    expect(new Set(names.map(({ worker }) => worker)).size).toBe(4);
  });
});
