import { RlError } from './errors.js';
import { assertSameShape, type Rows, rowAt } from './rows.js';

/** Positions of every row that lie under the loss mask. */
export interface MaskedPositions {
  /** One ascending list a row. */
  readonly positions: readonly Int32Array[];
  /** Σ m. */
  readonly tokens: number;
  /** Rows with at least one position. */
  readonly activeRows: number;
  /** Longest row. */
  readonly width: number;
}

function flag(name: string, value: number | undefined, i: number, t: number): boolean {
  if (value === 1) return true;
  if (value === 0) return false;
  throw new RlError(
    'invalid-argument',
    `"${name}" must hold 0 or 1, got ${value} at row ${i}, token ${t}.`,
  );
}

/**
 * The loss mask m = completion mask × tool mask, as positions.
 *
 * @param like Rows whose shape the masks must have.
 * @param masks Each `[B][T]` of 0 and 1, 1 on tokens that count; a missing one counts everything.
 */
export function maskedPositions(
  like: Rows,
  masks: { completionMask?: Rows | null; toolMask?: Rows | null },
): MaskedPositions {
  const completion = masks.completionMask ?? null;
  const tool = masks.toolMask ?? null;
  if (completion !== null) assertSameShape('completionMask', completion, like);
  if (tool !== null) assertSameShape('toolMask', tool, like);
  const total = like.reduce((sum, row) => sum + row.length, 0);
  const buffer = new Int32Array(total);
  const positions: Int32Array[] = [];
  let next = 0;
  let activeRows = 0;
  let width = 0;
  for (let i = 0; i < like.length; i += 1) {
    const start = next;
    const { length } = rowAt(like, i);
    if (completion === null && tool === null) {
      for (let t = 0; t < length; t += 1) buffer[next++] = t;
    } else if (completion === null || tool === null) {
      const name = completion === null ? 'toolMask' : 'completionMask';
      const row = rowAt(completion ?? tool ?? [], i);
      for (let t = 0; t < length; t += 1) if (flag(name, row[t], i, t)) buffer[next++] = t;
    } else {
      const completionRow = rowAt(completion, i);
      const toolRow = rowAt(tool, i);
      for (let t = 0; t < length; t += 1) {
        const inCompletion = flag('completionMask', completionRow[t], i, t);
        const byModel = flag('toolMask', toolRow[t], i, t);
        if (inCompletion && byModel) buffer[next++] = t;
      }
    }
    positions.push(buffer.subarray(start, next));
    if (next > start) activeRows += 1;
    width = Math.max(width, length);
  }
  return { positions, tokens: next, activeRows, width };
}
