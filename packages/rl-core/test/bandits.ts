import type { NamedArrays, Policy, PolicySample, Reward } from '../src/index.js';
import { seededRandom } from '../src/index.js';

/**
 * Two policies small enough to check by hand, on a contextual bandit: a prompt is a context, a completion two
 * arms, and the reward the share of arms that are the right ones. Optimum 1, chance 1/ARMS.
 */

const CONTEXTS = 3;
const ARMS = 4;
export const LENGTH = 2;

export interface BanditSequence {
  readonly context: number;
  readonly arms: readonly number[];
}

/** The arm that pays in a context at a position. */
const rightArm = (context: number, position: number): number =>
  (2 * context + 3 * position + 1) % ARMS;

export const share: Reward<number, BanditSequence> = (inputs) =>
  inputs.map(({ sample: { sequence } }) => {
    const { context, arms } = sequence;
    const right = arms.filter((arm, position) => arm === rightArm(context, position));
    return right.length / LENGTH;
  });

export const contexts: readonly number[] = Array.from({ length: CONTEXTS }, (_, i) => i);

function softmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const highest = Math.max(...values);
  const exps = values.map((x) => Math.exp(x - highest));
  const sum = exps.reduce((total, x) => total + x, 0);
  return exps.map((x) => x / sum);
}

function draw(probabilities: Float64Array, uniform: number): number {
  let rest = uniform;
  for (let arm = 0; arm < probabilities.length - 1; arm += 1) {
    rest -= probabilities[arm]!;
    if (rest < 0) return arm;
  }
  return probabilities.length - 1;
}

/** How logits come from parameters, and gradients from the gradients of logits. */
interface LogitModel {
  readonly parameters: Record<string, Float32Array>;
  readonly logits: (context: number, position: number) => ArrayLike<number>;
  readonly accumulate: (
    context: number,
    position: number,
    gradient: Float64Array,
    out: Record<string, Float32Array>,
  ) => void;
}

function policyOf(model: LogitModel): Policy<number, BanditSequence> {
  const probabilities = (context: number, position: number): Float64Array =>
    softmax(model.logits(context, position));
  return {
    parameters: () => model.parameters,
    values: (sequences) => sequences.map(() => new Float64Array(LENGTH).fill(0.5)),
    sample: (prompts, { seeds, greedy }) =>
      prompts.map((context, g) =>
        seeds[g]!.map((seed): PolicySample<BanditSequence> => {
          const random = seededRandom(seed);
          const arms = Array.from({ length: LENGTH }, (_, position) => {
            const p = probabilities(context, position);
            return greedy ? p.indexOf(Math.max(...p)) : draw(p, random.uniform());
          });
          return { sequence: { context, arms }, length: LENGTH };
        }),
      ),
    logprobs: (sequences) =>
      sequences.map(({ context, arms }) => {
        const rows = arms.map((_, position) => probabilities(context, position));
        return {
          logprobs: arms.map((arm, position) => Math.log(rows[position]![arm]!)),
          entropies: rows.map((p) => p.reduce((sum, x) => sum - x * Math.log(x), 0)),
        };
      }),
    backward: (sequences, cotangents, { entropyCotangents }): NamedArrays => {
      const out = Object.fromEntries(
        Object.entries(model.parameters).map(([name, p]) => [name, new Float32Array(p.length)]),
      );
      sequences.forEach(({ context, arms }, i) => {
        arms.forEach((arm, position) => {
          const p = probabilities(context, position);
          const c = cotangents[i]![position]!;
          const e = entropyCotangents?.[i]?.[position] ?? 0;
          const entropy = p.reduce((sum, x) => sum - x * Math.log(x), 0);
          // ∂log p_a/∂z = 1[a] − p;   ∂H/∂z = −p(log p + H).
          const gradient = p.map(
            (x, k) => c * ((k === arm ? 1 : 0) - x) - e * x * (Math.log(x) + entropy),
          );
          model.accumulate(context, position, gradient, out);
        });
      });
      return out;
    },
  };
}

/** A table of logits, all 0 at first. */
export function tabularPolicy(): Policy<number, BanditSequence> {
  const table = new Float32Array(CONTEXTS * LENGTH * ARMS);
  const start = (context: number, position: number): number => (context * LENGTH + position) * ARMS;
  return policyOf({
    parameters: { table },
    logits: (context, position) => {
      const first = start(context, position);
      return table.subarray(first, first + ARMS);
    },
    accumulate: (context, position, gradient, out) => {
      const first = start(context, position);
      gradient.forEach((g, k) => {
        out.table![first + k] = out.table![first + k]! + g;
      });
    },
  });
}

const HIDDEN = 8;
const INPUTS = CONTEXTS + LENGTH;

/** One hidden layer of tanh over the one-hot context and position, and its backward pass by hand. */
export function mlpPolicy(seed = 1): Policy<number, BanditSequence> {
  const random = seededRandom(seed);
  const matrix = (length: number): Float32Array =>
    Float32Array.from({ length }, () => random.uniform() - 0.5);
  const parameters = { inner: matrix(HIDDEN * INPUTS), outer: matrix(ARMS * HIDDEN) };
  const { inner, outer } = parameters;
  const hidden = (context: number, position: number): Float64Array =>
    Float64Array.from({ length: HIDDEN }, (_, h) =>
      Math.tanh(inner[h * INPUTS + context]! + inner[h * INPUTS + CONTEXTS + position]!),
    );
  return policyOf({
    parameters,
    logits: (context, position) => {
      const h = hidden(context, position);
      return Float64Array.from({ length: ARMS }, (_, k) =>
        h.reduce((sum, x, j) => sum + outer[k * HIDDEN + j]! * x, 0),
      );
    },
    accumulate: (context, position, gradient, out) => {
      const h = hidden(context, position);
      for (let j = 0; j < HIDDEN; j += 1) {
        let back = 0;
        for (let k = 0; k < ARMS; k += 1) {
          out.outer![k * HIDDEN + j] = out.outer![k * HIDDEN + j]! + gradient[k]! * h[j]!;
          back += gradient[k]! * outer[k * HIDDEN + j]!;
        }
        back *= 1 - h[j]! * h[j]!;
        for (const input of [context, CONTEXTS + position]) {
          out.inner![j * INPUTS + input] = out.inner![j * INPUTS + input]! + back;
        }
      }
    },
  });
}
