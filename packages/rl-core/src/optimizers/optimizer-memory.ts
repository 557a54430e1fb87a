import { RlError } from '../errors.js';
import type { NamedArrays, OptimizerState } from './types.js';

/** Step counts and arrays of an optimizer, by parameter. */
export class OptimizerMemory {
  readonly #optimizer: string;
  #steps: Record<string, number> = {};
  #arrays: Record<string, Float32Array> = {};

  constructor(optimizer: string) {
    this.#optimizer = optimizer;
  }

  /** Counts one more update of the parameter and returns the count. */
  countStep(name: string): number {
    const steps = (this.#steps[name] ?? 0) + 1;
    this.#steps[name] = steps;
    return steps;
  }

  /** The array `kind/name`, zeros at first. */
  array(kind: string, name: string, length: number): Float32Array {
    const key = `${kind}/${name}`;
    const known = this.#arrays[key];
    if (known !== undefined && known.length === length) return known;
    if (known !== undefined) {
      throw new RlError(
        'shape-mismatch',
        `The optimizer remembers ${known.length} numbers for "${name}", which now has ${length}.`,
      );
    }
    const zeros = new Float32Array(length);
    this.#arrays[key] = zeros;
    return zeros;
  }

  state(): OptimizerState {
    return { optimizer: this.#optimizer, steps: { ...this.#steps }, arrays: this.#arrays };
  }

  load(state: OptimizerState): void {
    if (state.optimizer !== this.#optimizer) {
      throw new RlError(
        'config-mismatch',
        `This state was written by "${state.optimizer}", not by "${this.#optimizer}".`,
      );
    }
    this.#steps = { ...state.steps };
    this.#arrays = copyArrays(state.arrays);
  }
}

function copyArrays(arrays: NamedArrays): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(arrays).map(([key, values]) => [key, values.slice()]));
}
