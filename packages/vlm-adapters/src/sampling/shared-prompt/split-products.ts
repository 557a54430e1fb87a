import type { GraphEdit } from './graph-edit.js';

/**
 * A cache in two parts: what prompts have left, one row for all or one for each, and what has grown since.
 *
 * Shapes: `B` rows, `G` rows of the prompts' part (1 or B), `K` heads of keys and values, `H` query heads (a multiple of
 * K), `S` new tokens, `P` tokens of the prompts' part, `T` tokens grown with the new ones, `D` head size.
 */
export interface SplitTensor {
  /** `[G, K, P, D]` */
  readonly prompt: string;
  /** `[B, K, T, D]` */
  readonly grown: string;
  readonly heads: number;
  readonly headSize: number;
}

/**
 * Q Kᵀ over both parts, `[B, H, S, P + T]`.
 *
 * Query heads that share a key head lie one after another, so they are seen as rows of one product: keys are not
 * repeated. With G = 1 the product reads the same keys for all rows.
 *
 * @param query `[B, H, S, D]`
 * @param output Name of the result.
 */
export function splitScores(
  edit: GraphEdit,
  query: string,
  key: SplitTensor,
  output?: string,
): string {
  const { heads, headSize } = key;
  const rows = edit.emit('Reshape', [query, edit.ints([0, heads, -1, headSize])]);
  const transposed = (part: string): string =>
    edit.emit('Transpose', [part], { attributes: { perm: [0, 1, 3, 2] } });
  const scores = edit.concat(
    [key.prompt, key.grown].map((part) => edit.emit('MatMul', [rows, transposed(part)])),
    3,
  );
  const shape = edit.concat([leadingSizes(edit, query), edit.size(scores, 3)], 0);
  return edit.emit('Reshape', [scores, shape], named(output));
}

/**
 * Probabilities times values over both parts, `[B, H, S, D]`.
 *
 * @param probabilities `[B, H, S, P + T]`
 * @param output Name of the result.
 */
export function splitAverages(
  edit: GraphEdit,
  probabilities: string,
  value: SplitTensor,
  output?: string,
): string {
  const { heads, headSize } = value;
  const border = edit.size(value.prompt, 2);
  const axis = edit.ints([3]);
  const end = edit.ints([Number.MAX_SAFE_INTEGER]);
  const parts = [
    edit.emit('Slice', [probabilities, edit.ints([0]), border, axis]),
    edit.emit('Slice', [probabilities, border, end, axis]),
  ];
  const products = [value.prompt, value.grown].map((part, index) => {
    const rows = edit.emit('Reshape', [parts[index] ?? '', edit.ints([0, heads, -1, 0])]);
    return edit.emit('MatMul', [rows, part]);
  });
  const shape = edit.concat([leadingSizes(edit, probabilities), edit.ints([headSize])], 0);
  return edit.emit('Reshape', [edit.emit('Add', products), shape], named(output));
}

/** Sizes of the first three axes. */
function leadingSizes(edit: GraphEdit, value: string): string {
  return edit.emit('Gather', [edit.emit('Shape', [value]), edit.ints([0, 1, 2])]);
}

const named = (output: string | undefined): { output?: string } =>
  output === undefined ? {} : { output };
