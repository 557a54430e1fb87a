import { OptimizerMemory } from './optimizer-memory.js';
import { parameterUpdates } from './parameter-groups.js';
import { assembleKernel, type Kernel, lane } from './simd-kernel.js';
import type {
  NamedArrays,
  Optimizer,
  OptimizerState,
  ParameterGroup,
  StepOptions,
} from './types.js';

export interface AdamWOptions {
  /** Decay of the two running means. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Added to the root, so that a parameter without gradients does not divide by 0. Default 1e-8. */
  readonly epsilon?: number;
  /** Decoupled decay, times the learning rate. Default 0, as in TRL's trainer (PyTorch's own default is 0.01). */
  readonly weightDecay?: number;
  readonly groups?: readonly ParameterGroup[];
}

// Four arrays of 2,048 numbers take 32 KiB, a first-level cache.
const BLOCK_LENGTH = 2048;

/**
 * g ← s·g;   p ← p(1 − ηλ);   m ← m + (1 − β₁)(g − m);   v ← β₂v + (1 − β₂)g²
 * p ← p − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
 */
function assembleUpdate(): Kernel {
  const shape = { arrays: 4, scalars: 8, blockLength: BLOCK_LENGTH };
  return assembleKernel(shape, ({ scalar, read, keep, write }) => {
    const [p, g, m, v] = [0, 1, 2, 3] as const;
    const { add, subtract, multiply, divide, squareRoot } = lane;
    const gradient = keep(multiply(read(g), scalar(7)));
    const mean = keep(add(read(m), multiply(subtract(gradient, read(m)), scalar(1))));
    const square = keep(
      add(multiply(read(v), scalar(2)), multiply(multiply(gradient, gradient), scalar(3))),
    );
    write(m, mean);
    write(v, square);
    const root = add(multiply(squareRoot(square), scalar(5)), scalar(6));
    const change = divide(multiply(mean, scalar(4)), root);
    write(p, subtract(multiply(read(p), scalar(0)), change));
  });
}

/**
 * AdamW in single precision, as `torch.optim.AdamW` on a CPU.
 *
 * @example
 * const optimizer = new AdamW({ weightDecay: 0.01 });
 * optimizer.step(parameters, gradients, { learningRate: 1e-3 });
 * @see Loshchilov, Hutter, "Decoupled Weight Decay Regularization", 2019, https://arxiv.org/abs/1711.05101
 */
export class AdamW implements Optimizer {
  readonly name = 'adamw';
  readonly #betas: readonly [number, number];
  readonly #epsilon: number;
  readonly #weightDecay: number;
  readonly #groups: readonly ParameterGroup[];
  readonly #memory: OptimizerMemory = new OptimizerMemory('adamw');
  readonly #kernel: Kernel = assembleUpdate();

  constructor(options: AdamWOptions = {}) {
    const { betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0, groups = [] } = options;
    this.#betas = betas;
    this.#epsilon = epsilon;
    this.#weightDecay = weightDecay;
    this.#groups = groups;
  }

  step(parameters: NamedArrays, gradients: NamedArrays, options: StepOptions): void {
    const [beta1, beta2] = this.#betas;
    const settings = { groups: this.#groups, weightDecay: this.#weightDecay };
    for (const update of parameterUpdates(parameters, gradients, options, settings)) {
      const { name, parameter, gradient, learningRate, weightDecay } = update;
      const t = this.#memory.countStep(name);
      const mean = this.#memory.array('mean', name, parameter.length);
      const square = this.#memory.array('square', name, parameter.length);
      this.#update(parameter, gradient, mean, square, [
        1 - learningRate * weightDecay,
        1 - beta1,
        beta2,
        1 - beta2,
        learningRate / (1 - beta1 ** t),
        1 / Math.sqrt(1 - beta2 ** t),
        this.#epsilon,
        options.gradientScale ?? 1,
      ]);
    }
  }

  /** Carries the arrays through the kernel's memory block by block; copies in cache cost little. */
  #update(
    parameter: Float32Array,
    gradient: Float32Array,
    mean: Float32Array,
    square: Float32Array,
    scalars: readonly number[],
  ): void {
    const { arrays, run } = this.#kernel;
    const [p, g, m, v] = [arrays[0]!, arrays[1]!, arrays[2]!, arrays[3]!];
    const whole = parameter.length - (parameter.length % BLOCK_LENGTH);
    for (let start = 0; start < whole; start += BLOCK_LENGTH) {
      const end = start + BLOCK_LENGTH;
      p.set(parameter.subarray(start, end));
      g.set(gradient.subarray(start, end));
      m.set(mean.subarray(start, end));
      v.set(square.subarray(start, end));
      run(BLOCK_LENGTH, scalars);
      parameter.set(p, start);
      mean.set(m, start);
      square.set(v, start);
    }
    const rest = parameter.length - whole;
    if (rest === 0) return;
    p.set(parameter.subarray(whole));
    g.set(gradient.subarray(whole));
    m.set(mean.subarray(whole));
    v.set(square.subarray(whole));
    run(rest, scalars);
    parameter.set(p.subarray(0, rest), whole);
    mean.set(m.subarray(0, rest), whole);
    square.set(v.subarray(0, rest), whole);
  }

  state(): OptimizerState {
    return this.#memory.state();
  }

  load(state: OptimizerState): void {
    this.#memory.load(state);
  }
}
