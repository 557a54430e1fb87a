import { describe, expect, it } from 'vitest';
import { makeTensor } from '../../src/codec/tensor-values.js';
import {
  createSession,
  differentiate,
  type OnnxModel,
  type Session,
  type TensorLike,
} from '../../src/index.js';
import { prepareModel } from '../../src/session/session-options.js';
import { feed, makeModel, runOnce, seededSingles, weight } from '../support/made-model.js';

/** y = x·w + flag, with a scalar and a whole number beside. */
const model = makeModel({
  inputs: {
    x: ['float32', ['rows', 3]],
    shift: ['float32', []],
    index: ['int64', [1]],
  },
  initializers: [weight('w', [3, 2], 1)],
  nodes: [
    { operator: 'MatMul', inputs: ['x', 'w'], outputs: ['xw'] },
    { operator: 'Add', inputs: ['xw', 'shift'], outputs: ['sum'] },
    { operator: 'Gather', inputs: ['sum', 'index'], outputs: ['y'], attributes: { axis: 1 } },
  ],
  outputs: { y: ['float32', ['rows', 1]] },
});
const feeds = {
  x: feed('float32', [2, 3], seededSingles(2, [2, 3])),
  shift: feed('float32', [], [0.5]),
  index: feed('int64', [1], [1]),
};

async function using(
  options: Parameters<typeof createSession>[1],
  use: (session: Session) => Promise<void>,
  graph: OnnxModel = model,
): Promise<void> {
  const session = await createSession(graph, options);
  try {
    await use(session);
  } finally {
    await session.dispose();
  }
}

const data = (results: Record<string, { data: unknown }>, name = 'y'): number[] =>
  Array.from(results[name]?.data as Float32Array);

describe('createSession', () => {
  it('runs two sessions on one model', async () => {
    const [a, b] = await Promise.all([
      createSession(model, { pooled: false }),
      createSession(model, { pooled: false }),
    ]);
    const [first, second] = await Promise.all([a.run(feeds), b.run(feeds)]);
    expect(data(first)).toHaveLength(2);
    expect(data(first)).toEqual(data(second));
    await a.dispose();
    expect(data(await b.run(feeds))).toEqual(data(first));
    await b.dispose();
  });

  it('shares a native session between equal graphs until the last user leaves', async () => {
    const a = await createSession(model);
    const b = await createSession({ ...model, graph: { ...model.graph } });
    await a.dispose();
    // Had it been released with its first user, this would fail.
    expect(data(await b.run(feeds))).toHaveLength(2);
    await expect(a.run(feeds)).rejects.toMatchObject({ code: 'disposed' });
    await b.dispose();
    const c = await createSession(model);
    expect(data(await c.run(feeds))).toHaveLength(2);
    await c.dispose();
  });

  it('does not share between other options or other graphs', async () => {
    const other = makeModel({
      inputs: { x: ['float32', ['rows', 3]] },
      nodes: [{ operator: 'Neg', inputs: ['x'], outputs: ['y'] }],
      outputs: { y: ['float32', ['rows', 3]] },
    });
    const [a, b, c] = await Promise.all([
      createSession(model),
      createSession(model, { threads: 1 }),
      createSession(other),
    ]);
    expect(data(await c.run({ x: feeds.x }))).toHaveLength(6);
    await c.dispose();
    await a.dispose();
    expect(data(await b.run(feeds))).toHaveLength(2);
    await b.dispose();
  });

  it('forgets a graph that ONNX Runtime refuses', async () => {
    const broken = makeModel({
      inputs: { x: ['float32', [2]] },
      nodes: [{ operator: 'NoSuchOperator', inputs: ['x'], outputs: ['y'] }],
      outputs: { y: ['float32', [2]] },
    });
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await createSession(broken).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        name: 'OnnxAutogradError',
        code: 'runtime',
        message: expect.stringContaining('NoSuchOperator'),
      });
      expect((error as Error).cause).toBeInstanceOf(Error);
    }
  });

  it('passes execution providers on', async () => {
    const { options } = prepareModel(model, { executionProviders: ['webgpu', 'cpu'] });
    expect(options.executionProviders).toEqual(['webgpu', 'cpu']);
    await expect(
      createSession(model, { executionProviders: ['no-such-provider'] }),
    ).rejects.toMatchObject({
      code: 'runtime',
      message: expect.stringContaining('no-such-provider'),
    });
  });

  it('maps weights unless the graph multiplies by 4-bit ones', () => {
    const shares = (graph: OnnxModel, options = {}): boolean =>
      JSON.stringify(prepareModel(graph, options).options.extra).includes('disable_prepacking');
    const quantized = {
      ...model,
      graph: {
        ...model.graph,
        nodes: model.graph.nodes.map((node) => ({ ...node, operator: 'MatMulNBits' })),
      },
    };
    expect([shares(model), shares(quantized)]).toEqual([true, false]);
    expect(shares(model, { shareWeights: false })).toBe(false);
    expect(shares(quantized, { shareWeights: true })).toBe(true);
  });
});

describe('a session', () => {
  it('is disposed by `await using`, and twice without harm', async () => {
    const session = await createSession(model);
    await session[Symbol.asyncDispose]();
    await session.dispose();
    await expect(session.run(feeds)).rejects.toMatchObject({
      name: 'OnnxAutogradError',
      code: 'disposed',
    });
  });

  it('lets runs end before it goes', async () => {
    const session = await createSession(model, { pooled: false });
    const run = session.run(feeds);
    await session.dispose();
    expect(data(await run)).toHaveLength(2);
  });

  it('does not start when its signal is aborted', () =>
    using({}, async (session) => {
      const controller = new AbortController();
      controller.abort(new Error('enough'));
      await expect(session.run(feeds, { signal: controller.signal })).rejects.toThrow('enough');
      expect(data(await session.run(feeds, { signal: new AbortController().signal }))).toHaveLength(
        2,
      );
    }));

  it('gives no result when its signal is aborted while it runs', () =>
    using({}, async (session) => {
      const controller = new AbortController();
      const run = session.run(feeds, { signal: controller.signal });
      controller.abort();
      await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    }));

  it('takes tensors of other copies of onnxruntime, and gives its own back to them', () =>
    using({}, async (session) => {
      // A class that is not this package's Tensor, with getters on its prototype as onnxruntime-common has.
      class ForeignTensor implements TensorLike {
        get type(): string {
          return 'float32';
        }
        get dims(): readonly number[] {
          return [2, 3];
        }
        get data(): unknown {
          return feeds.x.data;
        }
      }
      const results = await session.run({ ...feeds, x: new ForeignTensor() });
      expect(data(results)).toEqual(data(await session.run(feeds)));
    }));

  it('takes a scalar of any rank, as ONNX Runtime does', () =>
    using({}, async (session) => {
      const results = await session.run({ ...feeds, shift: feed('float32', [1], [0.5]) });
      expect(data(results)).toEqual(data(await session.run(feeds)));
    }));

  it.each<[problem: string, change: Record<string, unknown>, message: RegExp]>([
    ['an input is missing', { x: undefined }, /x/],
    ['a name is unknown', { z: feeds.x }, /"z" is not an input.*x, shift, index/],
    [
      'the rank is wrong',
      { x: feed('float32', [6], [1, 2, 3, 4, 5, 6]) },
      /dims \[6\], expected \[rows,3\]/,
    ],
    ['a size is wrong', { x: feed('float32', [3, 2], [1, 2, 3, 4, 5, 6]) }, /dims \[3,2\]/],
    [
      'the dims do not fit the data',
      { x: feed('float32', [4, 3], [1, 2, 3]) },
      /3 elements, expected 12/,
    ],
    [
      'dims are no sizes',
      { x: { type: 'float32', dims: [-2, 3], data: new Float32Array(6) } },
      /dims \[-2,3\]/,
    ],
    ['dims are missing', { x: { type: 'float32', data: new Float32Array(6) } }, /dims/],
    ['a scalar has two elements', { shift: feed('float32', [2], [1, 2]) }, /dims \[2\]/],
    [
      'the type is wrong',
      { x: feed('float64', [2, 3], [1, 2, 3, 4, 5, 6]) },
      /float64, expected float32/,
    ],
    [
      'the type is unknown',
      { x: { type: 'real', dims: [2, 3], data: new Float32Array(6) } },
      /real/,
    ],
    [
      'the array is of another type',
      { index: { type: 'int64', dims: [1], data: new Int32Array(1) } },
      /Int32Array, expected BigInt64Array/,
    ],
    [
      'numbers come in a plain array',
      { x: { type: 'float32', dims: [2, 3], data: [1, 2, 3, 4, 5, 6] } },
      /Array/,
    ],
    ['a feed is no tensor', { x: 3 }, /"x" is no tensor/],
  ])('refuses to run when %s', (_, change, message) =>
    using({}, async (session) => {
      const wrong = Object.fromEntries(
        Object.entries({ ...feeds, ...change }).filter(([, value]) => value !== undefined),
      ) as Record<string, TensorLike>;
      const error = await session.run(wrong).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ name: 'OnnxAutogradError', code: 'invalid-argument' });
      expect((error as Error).message).toMatch(message);
    }),
  );

  it('wraps what ONNX Runtime reports while running, with its cause', () =>
    using({}, async (session) => {
      const error = await session
        .run({ ...feeds, index: feed('int64', [1], [7]) })
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ name: 'OnnxAutogradError', code: 'runtime' });
      expect((error as Error).cause).toBeInstanceOf(Error);
      expect(data(await session.run(feeds))).toHaveLength(2);
    }));
});

describe("graphs written for 'webgpu'", () => {
  const whole = makeModel({
    inputs: { x: ['float32', ['rows', 3]] },
    initializers: [
      weight('w', [3, 4], 3),
      weight('v', [5, 4], 4),
      makeTensor('axes', 'int64', [1], [1]),
    ],
    nodes: [
      { operator: 'MatMul', inputs: ['x', 'w'], outputs: ['a'] },
      { operator: 'Abs', inputs: ['a'], outputs: ['b'] },
      { operator: 'Gemm', inputs: ['b', 'v'], outputs: ['c'], attributes: { transB: 1 } },
      { operator: 'ReduceL1', inputs: ['c', 'axes'], outputs: ['norm'] },
      { operator: 'Div', inputs: ['c', 'norm'], outputs: ['d'] },
      { operator: 'LogSoftmax', inputs: ['d'], outputs: ['y'], attributes: { axis: -1 } },
    ],
    outputs: { y: ['float32', ['rows', 5]] },
  });
  const derive = (target: 'cpu' | 'webgpu'): OnnxModel =>
    differentiate(whole, { outputs: ['y'], wrt: ['x', 'w', 'v'], target });

  it('hold no operator that it lacks, beyond those of the forward pass', () => {
    const before = new Set(whole.graph.nodes);
    const added = (target: 'cpu' | 'webgpu'): string[] =>
      derive(target)
        .graph.nodes.filter((node) => !before.has(node))
        .map(({ operator }) => operator);
    for (const missing of ['FusedMatMul', 'Sign', 'LogSoftmax'])
      expect(added('webgpu')).not.toContain(missing);
    expect(added('cpu')).toContain('FusedMatMul');
    expect(added('cpu')).toContain('Sign');
  });

  it('give the same numbers', async () => {
    const fed = {
      x: feed('float32', [2, 3], seededSingles(5, [2, 3])),
      'cotangent.y': feed('float32', [2, 5], seededSingles(6, [2, 5])),
    };
    const [cpu, webgpu] = await Promise.all(
      (['cpu', 'webgpu'] as const).map((target) => runOnce(derive(target), fed)),
    );
    for (const name of ['y', 'gradient.x', 'gradient.w', 'gradient.v']) {
      expect(cpu?.[name]?.length).toBeGreaterThan(0);
      for (const [index, value] of (cpu?.[name] ?? []).entries()) {
        expect(webgpu?.[name]?.[index]).toBeCloseTo(value, 5);
      }
    }
  });
});
