import { AttributionError } from '../errors.js';
import { type Baseline, fillRows } from './baseline.js';

/**
 * Rows of your own.
 *
 * @param rows `[H]`, used for every token, or `[P, H]`.
 * @param options.name Kept in the result; results with different baseline names are not compared.
 */
export function customBaseline(
  rows: ArrayLike<number>,
  { name = 'custom' }: { name?: string } = {},
): Baseline {
  return {
    name,
    fill: (context, baseline) => {
      const { hiddenSize, tokens } = context;
      for (let index = 0; index < rows.length; index++) {
        if (!Number.isFinite(rows[index]!)) {
          throw new AttributionError(
            'non-finite',
            `Baseline "${name}" is ${rows[index]} at index ${index}.`,
          );
        }
      }
      if (rows.length === hiddenSize) {
        fillRows(context, baseline, rows);
      } else if (rows.length === tokens * hiddenSize) {
        for (const token of context.rows) {
          for (let index = token * hiddenSize; index < (token + 1) * hiddenSize; index++) {
            baseline[index] = rows[index]!;
          }
        }
      } else {
        throw new AttributionError(
          'bad-option',
          `Baseline "${name}": expected [H] = ${hiddenSize} or [P, H] = ${tokens * hiddenSize} numbers, got ${rows.length}.`,
        );
      }
    },
  };
}
