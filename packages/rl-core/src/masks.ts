import { RlError } from './errors.js';
import { assertSameShape, type Row, type Rows, rowAt } from './rows.js';

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

/** How many leading positions of a row of 0 and 1 are 1 when all others are 0; −1 for any other row. */
function prefixLength(row: Row): number {
  const { length } = row;
  let count = 0;
  while (count < length && row[count] === 1) count += 1;
  for (let t = count; t < length; t += 1) if (row[t] !== 0) return -1;
  return count;
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
  const width = like.reduce((longest, row) => Math.max(longest, row.length), 0);
  // Right padding is the common case: those rows share one list 0 … T − 1.
  const identity = Int32Array.from({ length: width }, (_, t) => t);
  const positions: Int32Array[] = [];
  let tokens = 0;
  let activeRows = 0;
  for (let i = 0; i < like.length; i += 1) {
    const { length } = rowAt(like, i);
    const completionRow = completion === null ? null : rowAt(completion, i);
    const toolRow = tool === null ? null : rowAt(tool, i);
    const completed = completionRow === null ? length : prefixLength(completionRow);
    const sampled = toolRow === null ? length : prefixLength(toolRow);
    const active =
      completed >= 0 && sampled >= 0
        ? identity.subarray(0, Math.min(completed, sampled))
        : listPositions(completionRow, toolRow, i, length);
    positions.push(active);
    tokens += active.length;
    if (active.length > 0) activeRows += 1;
  }
  return { positions, tokens, activeRows, width };
}

function listPositions(
  completionRow: Row | null,
  toolRow: Row | null,
  i: number,
  length: number,
): Int32Array {
  const list = new Int32Array(length);
  let next = 0;
  for (let t = 0; t < length; t += 1) {
    const inCompletion = completionRow === null || flag('completionMask', completionRow[t], i, t);
    const byModel = toolRow === null || flag('toolMask', toolRow[t], i, t);
    if (inCompletion && byModel) list[next++] = t;
  }
  return list.subarray(0, next);
}

/** Whether the positions are 0 … n − 1. */
export function isPrefix(positions: Int32Array): boolean {
  return positions.length === 0 || positions[positions.length - 1] === positions.length - 1;
}
