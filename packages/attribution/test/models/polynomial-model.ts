import { smoothModel } from './smooth-model.js';

/** f(a, b, c) = 2a − 3b + c/2 + a b² + c³, one dimension a token. */
export const polynomialModel = smoothModel(
  ([a = 0, b = 0, c = 0]) => 2 * a - 3 * b + c / 2 + a * b * b + c ** 3,
  ([a = 0, b = 0, c = 0]) => [2 + b * b, -3 + 2 * a * b, 0.5 + 3 * c * c],
);
