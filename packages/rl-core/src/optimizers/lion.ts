import { OptimizerMemory } from './optimizer-memory.js';
import { parameterUpdates } from './parameter-groups.js';
import type {
  NamedArrays,
  Optimizer,
  OptimizerState,
  ParameterGroup,
  StepOptions,
} from './types.js';

export interface LionOptions {
  /** Mix of the step, and decay of the momentum. Default [0.9, 0.99]. */
  readonly betas?: readonly [number, number];
  /** Decoupled decay, times the learning rate. Default 0. */
  readonly weightDecay?: number;
  readonly groups?: readonly ParameterGroup[];
}

/**
 * Lion: the sign of a mix of momentum and gradient. Use a learning rate 3–10 times smaller than AdamW's.
 *
 *   p ← p(1 − ηλ) − η·sign(β₁m + (1 − β₁)g);   m ← β₂m + (1 − β₂)g
 *
 * @see Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, https://arxiv.org/abs/2302.06675
 */
export class Lion implements Optimizer {
  readonly name = 'lion';
  readonly #betas: readonly [number, number];
  readonly #settings: { groups: readonly ParameterGroup[]; weightDecay: number };
  readonly #memory: OptimizerMemory = new OptimizerMemory('lion');

  constructor({ betas = [0.9, 0.99], weightDecay = 0, groups = [] }: LionOptions = {}) {
    this.#betas = betas;
    this.#settings = { groups, weightDecay };
  }

  step(parameters: NamedArrays, gradients: NamedArrays, options: StepOptions): void {
    const [beta1, beta2] = this.#betas;
    const scale = options.gradientScale ?? 1;
    for (const update of parameterUpdates(parameters, gradients, options, this.#settings)) {
      const { name, parameter, gradient, learningRate, weightDecay } = update;
      this.#memory.countStep(name);
      const momentum = this.#memory.array('momentum', name, parameter.length);
      const decay = 1 - learningRate * weightDecay;
      for (let i = 0; i < parameter.length; i += 1) {
        const g = gradient[i]! * scale;
        const m = momentum[i]!;
        const direction = Math.sign(beta1 * m + (1 - beta1) * g);
        parameter[i] = parameter[i]! * decay - learningRate * direction;
        momentum[i] = beta2 * m + (1 - beta2) * g;
      }
    }
  }

  state(): OptimizerState {
    return this.#memory.state();
  }

  load(state: OptimizerState): void {
    this.#memory.load(state);
  }
}
