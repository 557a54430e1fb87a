import {
  differentiate,
  OnnxAutogradError,
  type OnnxModel,
  type TensorLike,
} from '../../src/index.js';
import {
  centralDifferences,
  type Evaluate,
  evaluateWith,
  randomCotangent,
  relativeError,
  testSession,
  toFeeds,
} from './central-differences.js';
import { wrongClaims } from './check-inference.js';
import {
  buildModel,
  type Declaration,
  type Precision,
  type TestGraph,
  type TestTensor,
  toNumbers,
} from './graphs.js';

/** How the expected gradient is found. */
export type Expected =
  /** Central differences of the graph in float64; relative error ≤ 1e-6. The default. */
  | { readonly kind: 'double' }
  /**
   * ONNX Runtime has no float64 kernel: the graph runs in float32, and the expected gradient comes from
   * central differences in float64 of this function, written in the test.
   */
  | {
      readonly kind: 'reference';
      readonly outputs: (
        inputs: Readonly<Record<string, TestTensor>>,
      ) => Readonly<Record<string, readonly number[]>>;
      readonly tolerance?: number;
    }
  /**
   * ONNX Runtime has no float64 kernel, and each output is linear (or quadratic) in every single input
   * element: central differences of the float32 graph are exact for any step, up to rounding.
   */
  | { readonly kind: 'linear'; readonly tolerance?: number }
  /** The gradient itself, by input. */
  | { readonly kind: 'exact'; readonly gradients: Readonly<Record<string, readonly number[]>> };

export interface RuleCase extends Omit<TestGraph, 'outputs'> {
  /** Key of the rule: operator, with its domain before it unless that is ai.onnx. */
  readonly rule: string;
  /** What is special about this case. */
  readonly about: string;
  /** Outputs that get a cotangent. Default: the first output of the last node. */
  readonly outputs?: readonly string[];
  /** Default: all inputs of type `float`. */
  readonly wrt?: readonly string[];
  readonly expected?: Expected;
  /** Cotangents to use instead of random ones. */
  readonly cotangents?: Readonly<Record<string, readonly number[]>>;
  /** Why the gradient cannot be written without knowing the rank: the error is checked. */
  readonly needsRank?: string;
  /** Which declarations to run. Default: all. */
  readonly declarations?: readonly Declaration[];
}

const declarations: readonly Declaration[] = ['sized', 'ranked', 'unranked'];

const defaultTolerances = { double: 1e-6, reference: 2e-5, linear: 2e-5, exact: 1e-6 } as const;

/** Checks one case in every declaration; returns what is wrong, nothing if all is well. */
export async function checkRule(testCase: RuleCase): Promise<string[]> {
  const expected = testCase.expected ?? { kind: 'double' };
  const precision: Precision =
    expected.kind === 'double' || expected.kind === 'exact' ? 'float64' : 'float32';
  const graph = graphOf(testCase);
  const wrt =
    testCase.wrt ??
    Object.entries(testCase.inputs).flatMap(([name, { type }]) => (type === 'float' ? [name] : []));
  const problems: string[] = [];
  const forward = await testSession(buildModel(graph, precision));
  try {
    const outputs = await forward.run(toFeeds(testCase.inputs, precision));
    const cotangents: Record<string, TestTensor> = {};
    for (const [index, name] of graph.outputs.entries()) {
      const dims = outputs[name]?.dims ?? [];
      const values = testCase.cotangents?.[name];
      cotangents[name] =
        values === undefined ? randomCotangent(dims, 90 + index) : { type: 'float', dims, values };
    }
    const wanted = await expectedGradients(testCase, { expected, cotangents, wrt, precision });
    const tolerance =
      ('tolerance' in expected ? expected.tolerance : undefined) ??
      defaultTolerances[expected.kind];
    for (const declaration of testCase.declarations ?? declarations) {
      const place = `[${declaration}]`;
      let derived: OnnxModel;
      try {
        derived = differentiate(buildModel(graph, precision, declaration), {
          outputs: graph.outputs,
          wrt,
        });
      } catch (error) {
        const isRank =
          declaration === 'unranked' &&
          testCase.needsRank !== undefined &&
          error instanceof OnnxAutogradError &&
          error.code === 'unsupported' &&
          /rank|known before/.test(error.message);
        if (!isRank) problems.push(`${place} ${String(error)}`);
        continue;
      }
      if (declaration === 'unranked' && testCase.needsRank !== undefined) {
        problems.push(`${place} was expected to need the rank: ${testCase.needsRank}`);
      }
      const feeds: Record<string, TensorLike> = {
        ...toFeeds(testCase.inputs, precision),
        ...toFeeds(
          Object.fromEntries(
            Object.entries(cotangents).map(([name, value]) => [`cotangent.${name}`, value]),
          ),
          precision,
        ),
      };
      try {
        const session = await testSession(derived);
        try {
          const results = await session.run(feeds);
          for (const name of wrt) {
            const gradient = results[`gradient.${name}`];
            const dims = (testCase.inputs[name] ?? testCase.constants?.[name])?.dims;
            if (`${gradient?.dims}` !== `${dims}`)
              problems.push(
                `${place} gradient.${name} has dims [${gradient?.dims}], not [${dims}]`,
              );
            const actual = toNumbers(gradient);
            const error = relativeError(actual, wanted[name] ?? []);
            if (!(error <= tolerance)) {
              problems.push(
                `${place} gradient.${name}: error ${error}; got ${round(actual)}, expected ${round(wanted[name] ?? [])}`,
              );
            }
          }
        } finally {
          await session.dispose();
        }
        for (const claim of await wrongClaims(derived, feeds)) problems.push(`${place} ${claim}`);
      } catch (error) {
        problems.push(`${place} ${String(error)}`);
      }
    }
  } finally {
    await forward.dispose();
  }
  return problems;

  async function expectedGradients(
    { inputs, constants = {} }: RuleCase,
    options: {
      readonly expected: Expected;
      readonly cotangents: Readonly<Record<string, TestTensor>>;
      readonly wrt: readonly string[];
      readonly precision: Precision;
    },
  ): Promise<Readonly<Record<string, readonly number[]>>> {
    const { expected: how } = options;
    if (how.kind === 'exact') return how.gradients;
    const evaluate: Evaluate =
      how.kind === 'reference'
        ? (changed) => Promise.resolve(how.outputs({ ...constants, ...changed }))
        : evaluateWith(forward, precision);
    const step = how.kind === 'linear' ? 0.5 : 1e-5;
    return centralDifferences({ evaluate, inputs, cotangents: options.cotangents, wrt, step });
  }
}

function graphOf(testCase: RuleCase): TestGraph {
  const outputs = testCase.outputs ?? [testCase.nodes.at(-1)?.outputs[0] ?? ''];
  return { ...testCase, outputs };
}

function round(values: readonly number[]): string {
  const shown = values.slice(0, 12).map((value) => Number(value.toPrecision(6)));
  return `[${shown.join(', ')}${values.length > 12 ? ', …' : ''}]`;
}
