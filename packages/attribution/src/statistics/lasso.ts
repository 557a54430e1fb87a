import { AttributionError } from '../errors.js';

export interface LassoFit {
  readonly coefficients: readonly number[];
  readonly intercept: number;
}

/** Optimality in units of the values' spread; rounding of the sums stays below it for 10,000 rows. */
const tolerance = 1e-13;

/** Sweeps over all coefficients; thousands suffice for strongly correlated columns of a few hundred players. */
const mostSweeps = 100_000;

/**
 * argmin_{b, c} 1/(2 Σw) · Σ_i w_i (y_i − x_i · b − c)² + penalty · Σ |b_j|, the intercept c free (scikit-learn's
 * objective with sample weights), by cyclic coordinate descent until the optimality conditions hold.
 *
 * Meant for presence columns (0/1, or standardized): columns that are almost but not quite equal settle very slowly.
 *
 * @throws {AttributionError} `degenerate` when it does not settle.
 */
export function lasso(
  rows: readonly ArrayLike<number>[],
  values: ArrayLike<number>,
  weights: ArrayLike<number>,
  penalty: number,
): LassoFit {
  const width = rows[0]?.length ?? 0;
  const total = rows.reduce((sum, _, index) => sum + weights[index]!, 0);
  const shares = rows.map((_, index) => weights[index]! / total);
  const weightedMean = (read: (row: number) => number): number =>
    shares.reduce((sum, share, row) => sum + share * read(row), 0);
  const valueMean = weightedMean((row) => values[row]!);
  const means = Array.from({ length: width }, (_, column) =>
    weightedMean((row) => rows[row]![column]!),
  );
  // Centered columns: the free intercept then drops out of the descent.
  const columns = means.map((mean, column) =>
    Float64Array.from(rows, (row) => row[column]! - mean),
  );
  const squares = columns.map((column) => weightedMean((row) => column[row]! ** 2));
  const residual = Float64Array.from(rows, (_, row) => values[row]! - valueMean);
  const coefficients = new Array<number>(width).fill(0);
  const scale = residual.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    let worst = 0;
    for (const [index, column] of columns.entries()) {
      const square = squares[index]!;
      if (square === 0) continue;
      const old = coefficients[index]!;
      let gradient = old * square;
      for (let row = 0; row < column.length; row++)
        gradient += shares[row]! * column[row]! * residual[row]!;
      // Distance from optimality: the slope must equal the penalty where b ≠ 0 and lie within it where b = 0.
      const slope = gradient - old * square;
      const violation =
        old === 0
          ? Math.max(0, Math.abs(slope) - penalty)
          : Math.abs(slope - penalty * Math.sign(old));
      worst = Math.max(worst, violation / Math.sqrt(square));
      const next = (Math.sign(gradient) * Math.max(0, Math.abs(gradient) - penalty)) / square;
      const move = next - old;
      if (move === 0) continue;
      for (let row = 0; row < column.length; row++) residual[row]! -= move * column[row]!;
      coefficients[index] = next;
    }
    if (worst <= scale * tolerance) {
      const intercept =
        valueMean - coefficients.reduce((sum, value, index) => sum + value * means[index]!, 0);
      return { coefficients, intercept };
    }
  }
  throw new AttributionError(
    'degenerate',
    `The lasso did not settle in ${mostSweeps} sweeps: raise its penalty.`,
  );
}
