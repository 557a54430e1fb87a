import fc from 'fast-check';
import { expect, it } from 'vitest';
import { differentiate, OnnxAutogradError, type OnnxModel } from '../../src/index.js';
import {
  centralDifferences,
  evaluateWith,
  randomCotangent,
  relativeError,
  testSession,
  toFeeds,
} from '../support/central-differences.js';
import { wrongClaims } from '../support/check-inference.js';
import { buildModel, type Declaration, type TestTensor, toNumbers } from '../support/graphs.js';
import { buildRandomGraph, type RandomGraph, recipes } from '../support/random-graph.js';

/** Central differences of fourth order with this step are right to about 1e-10. */
const step = 1e-4;
/** How far kinks must be away; slopes of the graphs' parts are below 25. */
const margin = 5e-3;

/** Differentiates with the chosen checkpoints; some operators need the rank, which is then declared. */
function derive(
  graph: RandomGraph,
  declaration: Declaration,
  checkpoints: 'auto' | readonly string[] | undefined,
  target: 'cpu' | 'webgpu',
): OnnxModel {
  const options = {
    outputs: graph.outputs,
    wrt: graph.wrt,
    target,
    ...(checkpoints === undefined ? {} : { checkpoints }),
  };
  try {
    return differentiate(buildModel(graph, 'float64', declaration), options);
  } catch (error) {
    const isRank =
      error instanceof OnnxAutogradError &&
      declaration === 'unranked' &&
      /rank|known before/.test(error.message);
    if (!isRank) throw error;
    return derive(graph, 'ranked', checkpoints, target);
  }
}

/** The graph in one line a node. */
function describeGraph({ nodes, inputs, wrt, outputs }: RandomGraph): string {
  const shapes = Object.entries(inputs).map(([name, { dims }]) => `${name}[${dims}]`);
  const lines = nodes.map((node) => `${node.outputs} = ${node.operator}(${node.inputs})`);
  return [`${shapes} wrt ${wrt} outputs ${outputs}`, ...lines].join('\n');
}

it('differentiates 320 random graphs as central differences do', { timeout: 120_000 }, async () => {
  const used = new Map<string, number>();
  let compared = 0;
  let last: RandomGraph | undefined;
  const check = fc.assert(
    fc.asyncProperty(
      recipes,
      fc.constantFrom<Declaration>('sized', 'ranked', 'unranked'),
      fc.nat({ max: 5 }),
      async (recipe, declaration, checkpointing) => {
        const graph = buildRandomGraph(recipe);
        last = graph;
        fc.pre(graph.wrt.length > 0);
        const watched = { ...graph, outputs: [...new Set([...graph.outputs, ...graph.distances])] };
        const forward = await testSession(buildModel(watched, 'float64'));
        try {
          const values = await forward.run(toFeeds(graph.inputs, 'float64'));
          for (const name of graph.distances) {
            fc.pre(toNumbers(values[name]).every((distance) => Math.abs(distance) > margin));
          }
          const cotangents: Record<string, TestTensor> = Object.fromEntries(
            graph.outputs.map((name, index) => [
              name,
              randomCotangent(values[name]?.dims ?? [], index),
            ]),
          );
          const expected = await centralDifferences({
            evaluate: evaluateWith(forward, 'float64'),
            inputs: graph.inputs,
            cotangents,
            wrt: graph.wrt,
            step,
            order: 4,
          });
          const middle = graph.between[Math.floor(graph.between.length / 2)];
          const checkpoints =
            checkpointing === 0 ? 'auto' : checkpointing === 1 && middle ? [middle] : undefined;
          // Graphs for WebGPU are made of operators that the CPU knows too.
          const target = checkpointing % 2 === 0 ? 'cpu' : 'webgpu';
          const derived = derive(graph, declaration, checkpoints, target);
          const feeds = toFeeds(
            {
              ...graph.inputs,
              ...Object.fromEntries(
                Object.entries(cotangents).map(([name, value]) => [`cotangent.${name}`, value]),
              ),
            },
            'float64',
          );
          const session = await testSession(derived);
          try {
            const results = await session.run(feeds);
            for (const name of graph.wrt) {
              const gradient = results[`gradient.${name}`];
              expect(gradient?.dims).toEqual(graph.inputs[name]?.dims);
              expect(relativeError(toNumbers(gradient), expected[name] ?? [])).toBeLessThan(1e-6);
            }
          } finally {
            await session.dispose();
          }
          const claims = await wrongClaims(derived, feeds);
          expect(claims, claims.join('\n')).toEqual([]);
          compared++;
          for (const { operator } of graph.nodes) used.set(operator, (used.get(operator) ?? 0) + 1);
        } finally {
          await forward.dispose();
        }
      },
    ),
    { seed: 20250, numRuns: 320, maxSkipsPerRun: 20 },
  );
  await check.catch((error: unknown) => {
    // The last graph that ran is the smallest that fails.
    const cause = error instanceof Error ? error.cause : undefined;
    throw new Error(`${last && describeGraph(last)}\n${cause}\n${error}`, { cause: error });
  });
  expect(compared).toBeGreaterThanOrEqual(320);
  // Every operator of the generator was met, and often enough to mean something.
  expect(used.size).toBeGreaterThanOrEqual(40);
  expect(Math.min(...used.values())).toBeGreaterThanOrEqual(3);
});
