import { RlError } from './errors.js';

/** Numbers of one sequence, one a token. */
export type Row = ArrayLike<number>;

/** One row a sequence, `[B][T]`; rows may differ in length, and then need no padding. */
export type Rows = readonly Row[];

/** True for `[B][T]`, false for `[B]`. An empty batch counts as `[B]`. */
export function isRows(values: ArrayLike<number> | Rows): values is Rows {
  return values.length > 0 && typeof values[0] === 'object';
}

/**
 * Asserts that `rows` has as many rows as `like` and that each is as long.
 * @throws {RlError} `shape-mismatch`, naming the argument, the row, expected and got.
 */
export function assertSameShape(name: string, rows: Rows, like: Rows): void {
  if (rows.length !== like.length) {
    throw new RlError(
      'shape-mismatch',
      `Shape mismatch in "${name}": expected ${like.length} rows as in "logprobs", got ${rows.length}.`,
    );
  }
  for (let i = 0; i < rows.length; i += 1) {
    const expected = like[i]?.length;
    const got = rows[i]?.length;
    if (expected !== got) {
      throw new RlError(
        'shape-mismatch',
        `Shape mismatch in "${name}": row ${i} should have ${expected} tokens as in "logprobs", got ${got}.`,
      );
    }
  }
}

/** Row `i`, where `assertSameShape` or the caller has made sure that it exists. */
export function rowAt(rows: Rows, i: number): Row {
  const row = rows[i];
  if (row === undefined) throw new RlError('shape-mismatch', `internal: no row ${i}.`);
  return row;
}
