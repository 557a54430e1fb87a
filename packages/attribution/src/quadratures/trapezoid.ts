import type { Quadrature } from './quadrature.js';

/** The textbook rule: n points from 0 to 1, w = 1/(n − 1), halved at the ends; error O(1/n²). */
export const trapezoid: Quadrature = {
  name: 'trapezoid',
  minimumSteps: 2,
  rule: (steps) => equallySpaced(steps, 1 / (steps - 1)),
};

/**
 * The rule that Captum calls `riemann_trapezoid`, for comparisons with its numbers: the trapezoid's nodes with
 * w = 1/n, so that the weights sum to 1 − 1/n and a linear function gets that share of its attribution.
 *
 * @see https://github.com/meta-pytorch/captum, captum/attr/_utils/approximation_methods.py
 */
export const captumTrapezoid: Quadrature = {
  name: 'captumTrapezoid',
  minimumSteps: 2,
  rule: (steps) => equallySpaced(steps, 1 / steps),
};

function equallySpaced(steps: number, weight: number): ReturnType<Quadrature['rule']> {
  return {
    alphas: Array.from({ length: steps }, (_, index) => index / (steps - 1)),
    weights: Array.from({ length: steps }, (_, index) =>
      index === 0 || index === steps - 1 ? weight / 2 : weight,
    ),
  };
}
