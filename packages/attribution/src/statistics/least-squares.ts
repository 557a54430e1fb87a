import { AttributionError } from '../errors.js';

/**
 * argmin_b Σ_i w_i (y_i − x_i · b)², by Householder QR of the weighted rows (normal equations would square the
 * condition number, which Captum's weights of 1e6 beside 1 make large).
 *
 * @throws {AttributionError} `degenerate` when the rows do not determine the coefficients.
 */
export function weightedLeastSquares(
  rows: readonly (readonly number[])[],
  values: ArrayLike<number>,
  weights: ArrayLike<number>,
): number[] {
  const width = rows[0]?.length ?? 0;
  const a = rows.map((row, index) => row.map((entry) => entry * Math.sqrt(weights[index]!)));
  const b = rows.map((_, index) => values[index]! * Math.sqrt(weights[index]!));
  const scale = a.reduce((largest, row) => Math.max(largest, Math.hypot(...row)), 1e-300);
  for (let column = 0; column < width; column++) {
    const norm = Math.sqrt(a.slice(column).reduce((sum, row) => sum + row[column]! ** 2, 0));
    if (rows.length <= column || norm <= scale * 1e-13) {
      throw new AttributionError(
        'degenerate',
        `The ${rows.length} sampled coalitions do not determine ${width} coefficients: draw more samples.`,
      );
    }
    const alpha = a[column]![column]! > 0 ? -norm : norm;
    const reflector = a.slice(column).map((row) => row[column]!);
    reflector[0]! -= alpha;
    const square = reflector.reduce((sum, entry) => sum + entry * entry, 0);
    for (let other = column; other < width; other++) {
      const dot = reflector.reduce(
        (sum, entry, index) => sum + entry * a[column + index]![other]!,
        0,
      );
      const factor = (2 * dot) / square;
      reflector.forEach((entry, index) => {
        a[column + index]![other]! -= factor * entry;
      });
    }
    const dot = reflector.reduce((sum, entry, index) => sum + entry * b[column + index]!, 0);
    const factor = (2 * dot) / square;
    reflector.forEach((entry, index) => {
      b[column + index]! -= factor * entry;
    });
  }
  const solution = new Array<number>(width).fill(0);
  for (let row = width - 1; row >= 0; row--) {
    let sum = b[row]!;
    for (let column = row + 1; column < width; column++)
      sum -= a[row]![column]! * solution[column]!;
    solution[row] = sum / a[row]![row]!;
  }
  return solution;
}
