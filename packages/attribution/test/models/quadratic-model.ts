import type { DifferentiableModel } from '../../src/model.js';
import { smoothModel } from './smooth-model.js';

/** F(x) = ½ xᵀ A x + bᵀ x, A symmetric. */
export interface Quadratic {
  readonly a: readonly (readonly number[])[];
  readonly b: readonly number[];
}

export function quadraticModel({ a, b }: Quadratic, constant = 0): DifferentiableModel<number[][]> {
  const product = (x: readonly number[]): number[] => times(a, x);
  return smoothModel(
    (x) => dot(product(x), x) / 2 + dot(b, x) + constant,
    (x) => product(x).map((value, index) => value + b[index]!),
  );
}

export function times(a: readonly (readonly number[])[], x: readonly number[]): number[] {
  return a.map((row) => dot(row, x));
}

export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0);
}
