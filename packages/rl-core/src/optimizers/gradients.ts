import { RlError } from '../errors.js';
import type { NamedArrays } from './types.js';

/** The Euclidean norm over all arrays together. */
export function globalNorm(arrays: NamedArrays): number {
  let total = 0;
  for (const values of Object.values(arrays)) {
    let sum = 0;
    for (let i = 0; i < values.length; i += 1) sum += values[i]! * values[i]!;
    total += sum;
  }
  return Math.sqrt(total);
}

// PyTorch's clip_grad_norm_ adds it to the norm.
const NORM_GUARD = 1e-6;

/**
 * The factor that brings gradients of the given norm down to `maximum`: min(1, maximum/(norm + 1e-6)), as
 * `torch.nn.utils.clip_grad_norm_`. Give it to `Optimizer.step` as `gradientScale`.
 *
 * @throws {RlError} `non-finite` for a norm that is not finite: clipping would spread it to every parameter.
 */
export function gradientClipFactor(norm: number, maximum: number): number {
  if (!Number.isFinite(norm)) {
    throw new RlError('non-finite', `The gradient norm is ${norm}.`, {
      details: { name: 'gradient norm', value: norm },
    });
  }
  return Math.min(1, maximum / (norm + NORM_GUARD));
}

/**
 * Sums gradients of micro-batches. The sums are in double precision and are rounded once, so the result does not
 * depend on how a batch is cut (up to that one rounding).
 */
export class GradientAccumulator {
  readonly #sums: Map<string, Float64Array> = new Map();

  /** Adds one micro-batch's gradients; a name may be missing. */
  add(gradients: NamedArrays): void {
    for (const [name, values] of Object.entries(gradients)) {
      const known = this.#sums.get(name);
      if (known === undefined) {
        this.#sums.set(name, Float64Array.from(values));
        continue;
      }
      if (known.length !== values.length) {
        throw new RlError(
          'shape-mismatch',
          `The gradient of "${name}" had ${known.length} numbers before and has ${values.length}.`,
        );
      }
      for (let i = 0; i < values.length; i += 1) known[i] = known[i]! + values[i]!;
    }
  }

  /** The sums in single precision. Clears them. */
  take(): Record<string, Float32Array> {
    const entries = [...this.#sums].map(([name, sums]) => [name, Float32Array.from(sums)] as const);
    this.#sums.clear();
    return Object.fromEntries(entries);
  }
}
