import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSession, differentiate, modelToBytes, type OnnxModel } from '../../src/index.js';
import {
  feed,
  largestDifference,
  makeModel,
  seededSingles,
  weight,
} from '../support/made-model.js';

const width = 384;
const depth = 24;

/** Products one after another: some tenths of a second with one thread. */
const slow: OnnxModel = differentiate(
  makeModel({
    inputs: { x: ['float32', ['rows', width]] },
    initializers: [weight('w', [width, width], 1, 0.05)],
    nodes: Array.from({ length: depth }, (_, layer) => ({
      operator: 'MatMul',
      inputs: [layer === 0 ? 'x' : `h${layer}`, 'w'],
      outputs: [layer === depth - 1 ? 'y' : `h${layer + 1}`],
    })),
    outputs: { y: ['float32', ['rows', width]] },
  }),
  { outputs: ['y'], wrt: ['x', 'w'] },
);
const numbers = seededSingles(2, [width, width]);
const feeds = {
  x: feed('float32', [width, width], numbers),
  'cotangent.y': feed('float32', [width, width], numbers),
};

/** Ticks of a 5 ms timer while something runs, and its milliseconds. */
async function ticksDuring(
  run: () => Promise<unknown>,
): Promise<{ ticks: number; milliseconds: number }> {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const start = performance.now();
  await run();
  const milliseconds = performance.now() - start;
  clearInterval(timer);
  return { ticks, milliseconds };
}

describe('a session in a worker', () => {
  it('lets timers tick while a gradient runs, which a session in this thread does not', async () => {
    const inWorker = await createSession(slow, { worker: true, threads: 1 });
    const here = await createSession(slow, { threads: 1 });
    try {
      const blocked = await ticksDuring(() => here.run(feeds));
      const free = await ticksDuring(() => inWorker.run(feeds));
      expect(blocked.milliseconds).toBeGreaterThan(40);
      expect(blocked.ticks).toBeLessThanOrEqual(2);
      // At rest a tick comes every 5 ms; on a busy machine this thread waits for its turn.
      expect(free.ticks).toBeGreaterThanOrEqual(Math.min(5, free.milliseconds / 20));
      expect(free.ticks).toBeGreaterThan(blocked.ticks);
    } finally {
      await Promise.all([inWorker.dispose(), here.dispose()]);
    }
  });

  it('runs beside sessions whose thread has another name', async () => {
    const [busy, same, other] = await Promise.all([
      createSession(slow, { worker: 'a', threads: 1 }),
      createSession(gatherModel, { worker: 'a', threads: 1 }),
      createSession(gatherModel, { worker: 'b', threads: 1 }),
    ]);
    try {
      const index = feed('int64', [1], [1]);
      const order: string[] = [];
      await Promise.all([
        busy.run(feeds).then(() => order.push('busy')),
        same.run({ index }).then(() => order.push('same thread')),
        other.run({ index }).then(() => order.push('other thread')),
      ]);
      expect(order).toEqual(['other thread', 'busy', 'same thread']);
    } finally {
      await Promise.all([busy, same, other].map((session) => session.dispose()));
    }
  });

  it.each([true, false])('gives back what was lent to it (worker: %s)', async (worker) => {
    const session = await createSession(slow, { worker, threads: 1 });
    try {
      const row = numbers.slice(0, width);
      const cotangent = feed('float32', [1, width], row);
      const expected = await session.run({ x: cotangent, 'cotangent.y': cotangent });
      const x = { type: 'float32', dims: [1, width], data: Float32Array.from(row) };
      const results = await session.run({ x, 'cotangent.y': cotangent }, { lend: ['x'] });
      expect(results['y']?.data).toEqual(expected['y']?.data);
      expect(results['x']?.data).toEqual(Float32Array.from(row));
      // Handed over, not copied.
      expect(x.data.length).toBe(worker ? 0 : width);
      const again = session.run({ x: cotangent, 'cotangent.y': cotangent }, { lend: ['z'] });
      await expect(again).rejects.toThrow('`lend` must name feeds');
    } finally {
      await session.dispose();
    }
  });

  it('gives what a session in this thread gives, to several requests at once', async () => {
    const small = (rows: number): typeof feeds => ({
      x: feed('float32', [rows, width], numbers.slice(0, rows * width)),
      'cotangent.y': feed('float32', [rows, width], numbers.slice(0, rows * width)),
    });
    const inWorker = await createSession(slow, { worker: true, threads: 1 });
    const here = await createSession(slow, { threads: 1 });
    try {
      const sizes = [1, 3, 2, 1];
      const together = await Promise.all(sizes.map((rows) => inWorker.run(small(rows))));
      for (const [index, rows] of sizes.entries()) {
        const expected = await here.run(small(rows));
        for (const name of ['y', 'gradient.x', 'gradient.w']) {
          const actual = together[index]?.[name];
          expect(actual?.dims).toEqual(expected[name]?.dims);
          const values = Array.from(expected[name]?.data as Float32Array);
          expect(values.length).toBeGreaterThan(0);
          expect(largestDifference(Array.from(actual?.data as Float32Array), values)).toBe(0);
        }
      }
    } finally {
      await Promise.all([inWorker.dispose(), here.dispose()]);
    }
  });

  it('reports errors of the graph and of a run, with their cause, and goes on', async () => {
    const broken = makeModel({
      inputs: { x: ['float32', [2]] },
      nodes: [{ operator: 'NoSuchOperator', inputs: ['x'], outputs: ['y'] }],
      outputs: { y: ['float32', [2]] },
    });
    const refused = await createSession(broken, { worker: true }).catch(
      (reason: unknown) => reason,
    );
    expect(refused).toMatchObject({
      code: 'runtime',
      message: expect.stringContaining('NoSuchOperator'),
    });
    expect((refused as Error).cause).toBeInstanceOf(Error);
    const session = await createSession(gatherModel, { worker: true });
    try {
      await expect(session.run({ index: feed('int64', [1], [9]) })).rejects.toMatchObject({
        code: 'runtime',
      });
      const results = await session.run({ index: feed('int64', [1], [1]) });
      expect(results.y?.dims).toEqual([1, 2]);
    } finally {
      await session.dispose();
    }
    await expect(session.run({ index: feed('int64', [1], [1]) })).rejects.toMatchObject({
      code: 'disposed',
    });
  });

  it('is shared and kept until its last user leaves', async () => {
    const [a, b] = await Promise.all(
      [1, 2].map(() => createSession(gatherModel, { worker: true })),
    );
    await a?.dispose();
    await a?.dispose();
    expect((await b?.run({ index: feed('int64', [1], [0]) }))?.y?.dims).toEqual([1, 2]);
    await b?.dispose();
  });
});

const gatherModel = makeModel({
  inputs: { index: ['int64', [1]] },
  initializers: [weight('table', [3, 2], 1)],
  nodes: [{ operator: 'Gather', inputs: ['table', 'index'], outputs: ['y'] }],
  outputs: { y: ['float32', [1, 2]] },
});

describe('the built package', () => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  let folder: string;

  beforeAll(async () => {
    // Inside the package, so that its dependencies are found.
    const parent = join(root, 'node_modules');
    await mkdir(parent, { recursive: true });
    folder = await mkdtemp(join(parent, '.built-'));
    const tsup = createRequire(import.meta.url).resolve('tsup/package.json');
    const command = [join(dirname(tsup), 'dist', 'cli-default.js'), '--out-dir', folder];
    await promisify(execFile)(process.execPath, command, { cwd: root });
    await writeFile(join(folder, 'model.onnx'), modelToBytes(gatherModel));
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const run = async (lines: string): Promise<string> => {
    const script = `
      import { createSession, readModel } from ${JSON.stringify(join(folder, 'index.js'))};
      const model = readModel(${JSON.stringify(join(folder, 'model.onnx'))});
      const session = await createSession(model, { worker: true });
      const index = { type: 'int64', dims: [1], data: BigInt64Array.of(2n) };
      ${lines}`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      { cwd: root, timeout: 30_000 },
    );
    return stdout.trim();
  };

  it('puts the worker beside its entry', () => {
    expect(existsSync(join(folder, 'worker.js'))).toBe(true);
  });
  it('starts its worker, and the process ends when the session is disposed', async () => {
    const stdout = await run(
      'const { y } = await session.run({ index }); await session.dispose(); console.log(y.dims.join());',
    );
    expect(stdout).toBe('1,2');
  });
  it('lets the process end when the session is idle and not disposed', async () => {
    const stdout = await run(
      'const { y } = await session.run({ index }); console.log(y.dims.join());',
    );
    expect(stdout).toBe('1,2');
  });
  it('keeps the process alive while a run is under way', async () => {
    const stdout = await run('session.run({ index }).then(({ y }) => console.log(y.dims.join()));');
    expect(stdout).toBe('1,2');
  });
});
