import type { Quadrature, QuadratureRule } from './quadrature.js';

/**
 * Gauss–Legendre on [0, 1]: α = (1 + ξ)/2, w = ω/2, exact for polynomials of degree 2n − 1.
 *
 * No node lies on an end point, so a model that is singular at the baseline is not evaluated there.
 */
export const gaussLegendre: Quadrature = {
  name: 'gaussLegendre',
  minimumSteps: 1,
  rule: (steps) => gaussLegendreRule(steps),
};

const rules = new Map<number, QuadratureRule>();

function gaussLegendreRule(n: number): QuadratureRule {
  const known = rules.get(n);
  if (known !== undefined) return known;
  const alphas = new Array<number>(n);
  const weights = new Array<number>(n);
  for (let index = 0; index < Math.ceil(n / 2); index++) {
    // Tricomi's estimate of the root, close enough for Newton to converge quadratically for every n.
    const theta = (Math.PI * (4 * index + 3)) / (4 * n + 2);
    let root = (1 - (n - 1) / (8 * n ** 3)) * Math.cos(theta);
    let derivative = 1;
    for (let iteration = 0; iteration < 10; iteration++) {
      const [value, previous] = legendre(n, root);
      derivative = (n * (root * value - previous)) / (root * root - 1);
      const step = value / derivative;
      root -= step;
      if (Math.abs(step) < 1e-16) break;
    }
    // The middle root of an odd rule is 0 exactly; Newton leaves rounding noise there.
    if (2 * index + 1 === n) root = 0;
    const [value, previous] = legendre(n, root);
    derivative = (n * (root * value - previous)) / (root * root - 1);
    const weight = 1 / ((1 - root * root) * derivative * derivative);
    alphas[index] = (1 - root) / 2;
    alphas[n - 1 - index] = (1 + root) / 2;
    weights[index] = weight;
    weights[n - 1 - index] = weight;
  }
  const rule: QuadratureRule = { alphas, weights };
  rules.set(n, rule);
  return rule;
}

/** [P_n(x), P_{n−1}(x)] by the three-term recurrence. */
function legendre(n: number, x: number): [number, number] {
  let previous = 1;
  let value = x;
  if (n === 0) return [1, 0];
  for (let degree = 2; degree <= n; degree++) {
    const next = ((2 * degree - 1) * x * value - (degree - 1) * previous) / degree;
    previous = value;
    value = next;
  }
  return [value, previous];
}
