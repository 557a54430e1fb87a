import type { Quadrature } from './quadrature.js';

/** α = k/n, w = 1/n: includes the baseline itself; error O(1/n). */
export const left: Quadrature = riemann('left', 0);

/** α = (k + 1)/n, w = 1/n: includes the input itself; error O(1/n). */
export const right: Quadrature = riemann('right', 1);

/** α = (k + ½)/n, w = 1/n; error O(1/n²). */
export const midpoint: Quadrature = riemann('midpoint', 0.5);

function riemann(name: string, offset: number): Quadrature {
  return {
    name,
    minimumSteps: 1,
    rule: (steps) => ({
      alphas: Array.from({ length: steps }, (_, index) => (index + offset) / steps),
      weights: new Array<number>(steps).fill(1 / steps),
    }),
  };
}
