import { OptimizerMemory } from './optimizer-memory.js';
import { parameterUpdates } from './parameter-groups.js';
import type {
  NamedArrays,
  Optimizer,
  OptimizerState,
  ParameterGroup,
  StepOptions,
} from './types.js';

export interface SgdOptions {
  /** Default 0. */
  readonly momentum?: number;
  /** Share of the gradient that momentum damps away. Default 0. */
  readonly dampening?: number;
  /** Steps along the gradient plus momentum. Default false. */
  readonly nesterov?: boolean;
  /** L2 penalty, added to the gradient. Default 0. */
  readonly weightDecay?: number;
  readonly groups?: readonly ParameterGroup[];
}

/**
 * Stochastic gradient descent with momentum, as `torch.optim.SGD`.
 *
 *   g ← g + λp;   b ← μb + (1 − τ)g  (b = g at first);   p ← p − η·b,  with Nesterov p ← p − η·(g + μb)
 */
export class Sgd implements Optimizer {
  readonly name = 'sgd';
  readonly #options: Required<Omit<SgdOptions, 'weightDecay' | 'groups'>>;
  readonly #settings: { groups: readonly ParameterGroup[]; weightDecay: number };
  readonly #memory: OptimizerMemory = new OptimizerMemory('sgd');

  constructor(options: SgdOptions = {}) {
    const { momentum = 0, dampening = 0, nesterov = false, weightDecay = 0, groups = [] } = options;
    this.#options = { momentum, dampening, nesterov };
    this.#settings = { groups, weightDecay };
  }

  step(parameters: NamedArrays, gradients: NamedArrays, options: StepOptions): void {
    const { momentum, dampening, nesterov } = this.#options;
    const scale = options.gradientScale ?? 1;
    for (const update of parameterUpdates(parameters, gradients, options, this.#settings)) {
      const { name, parameter, gradient, learningRate, weightDecay } = update;
      const isFirst = this.#memory.countStep(name) === 1;
      // Without momentum there is nothing to remember.
      const buffer = momentum === 0 ? null : this.#memory.array('momentum', name, parameter.length);
      for (let i = 0; i < parameter.length; i += 1) {
        const g = gradient[i]! * scale + weightDecay * parameter[i]!;
        let direction = g;
        if (buffer !== null) {
          const b = isFirst ? g : momentum * buffer[i]! + (1 - dampening) * g;
          buffer[i] = b;
          direction = nesterov ? g + momentum * b : b;
        }
        parameter[i] = parameter[i]! - learningRate * direction;
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
