import type { GraphNode } from '../codec/model.js';
import { listNames, OnnxAutogradError } from '../errors.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';
import type { ActivePath } from './active-path.js';
import type { BackwardPassOptions } from './backward-pass.js';

/** Operators whose work makes it worth while to keep their result. */
const heavyOperators: ReadonlySet<string> = new Set([
  'MatMul',
  'FusedMatMul',
  'Gemm',
  'MatMulNBits',
  'Conv',
  'Einsum',
]);

/** An automatic segment holds at least this many heavy operators: half a transformer layer. */
const heavyPerSegment = 3;

/**
 * Plans a backward pass that computes forward values again instead of keeping them.
 *
 * The path is cut into segments at the checkpoints. While a segment is differentiated, the forward values
 * that its rules ask for are recomputed from the checkpoints before it. Values that no rule asks for, such
 * as the output of a block's last projection, are not computed again.
 *
 * A copy of the forward nodes alone would be merged back by ONNX Runtime's common-subexpression pass, and
 * could run before it is needed. So each checkpoint enters its segment through a concatenation with zero
 * rows of the gradient that has just arrived: the values are the same, and the copy can neither be merged
 * nor start early.
 */
export function planRecomputation(options: {
  readonly ops: Operations;
  readonly path: ActivePath;
  readonly checkpoints: 'auto' | readonly Value[];
  readonly wrt: readonly Value[];
}): Pick<BackwardPassOptions, 'order' | 'enter'> {
  const { ops, path, wrt } = options;
  const leaves = new Set(wrt);
  const checkpoints =
    options.checkpoints === 'auto'
      ? automaticCheckpoints(path, leaves)
      : requireActive(path, options.checkpoints);
  const segments = assignSegments(path, checkpoints);
  const last = Math.max(0, ...segments.byNode.values());

  const producers = new Map<Value, GraphNode>();
  for (const node of path.nodes) for (const output of node.outputs) producers.set(output, node);

  const recomputers = new Map<number, (name: Value) => Value>();
  const enter = (node: GraphNode, gradient: Value): ((name: Value) => Value) => {
    const segment = segments.byNode.get(node) ?? 0;
    if (segment === last) return (name) => name;
    const known = recomputers.get(segment);
    if (known !== undefined) return known;
    const copies = new Map<Value, Value>();
    const forwardValue = (name: Value): Value => {
      if (name === '' || !path.values.has(name)) return name;
      const copy = copies.get(name);
      if (copy !== undefined) return copy;
      const producer = producers.get(name);
      const isBoundary = checkpoints.has(name) || (segment === 0 && leaves.has(name));
      if (isBoundary) {
        const tied = tieTo(ops, name, gradient);
        copies.set(name, tied);
        return tied;
      }
      if (producer === undefined || segments.byNode.get(producer) !== segment) return name;
      copyNode(ops, producer, forwardValue, copies);
      return copies.get(name) ?? name;
    };
    recomputers.set(segment, forwardValue);
    return forwardValue;
  };
  const position = new Map(path.nodes.map((node, index) => [node, index]));
  const order = [...path.nodes].sort(
    (a, b) =>
      (segments.byNode.get(b) ?? 0) - (segments.byNode.get(a) ?? 0) ||
      (position.get(b) ?? 0) - (position.get(a) ?? 0),
  );
  return { order, enter };
}

function copyNode(
  ops: Operations,
  node: GraphNode,
  forwardValue: (name: Value) => Value,
  copies: Map<Value, Value>,
): void {
  const inputs = node.inputs.map(forwardValue);
  const { builder } = ops;
  const outputs = node.outputs.map((output) =>
    output === '' ? '' : builder.freshName(`recompute/${output}`),
  );
  builder.addNode({
    ...node,
    name: outputs.find((output) => output !== '') ?? '',
    inputs,
    outputs,
  });
  for (const [index, output] of node.outputs.entries()) {
    const copy = outputs[index] ?? '';
    if (output === '') continue;
    copies.set(output, copy);
    builder.inference.set(copy, builder.inference.info(output));
  }
}

/** `value`, in a form that cannot be computed before `gradient` is. */
function tieTo(ops: Operations, value: Value, gradient: Value): Value {
  const flat = ops.reshape(ops.cast(gradient, ops.typeOf(value)), [-1]);
  const nothing = ops.slice(flat, 0, 0, 0);
  // A scalar has no rows to add none to, and what has no known rank may be one.
  if ((ops.rankOf(value) ?? 0) === 0) {
    const elements = ops.concat([ops.reshape(value, [-1]), nothing], 0);
    return ops.reshapeLike(elements, value);
  }
  const rest = ops.slice(ops.shape(value), 1, Number.MAX_SAFE_INTEGER, 0);
  const rows = ops.reshape(nothing, ops.concat([ops.int64([0]), rest], 0), { allowzero: 1 });
  const tied = ops.concat([value, rows], 0);
  ops.builder.inference.set(tied, ops.builder.inference.info(value));
  return tied;
}

function requireActive(path: ActivePath, names: readonly Value[]): ReadonlySet<Value> {
  const unknown = names.filter((name) => !path.values.has(name));
  if (unknown.length === 0) return new Set(names);
  throw new OnnxAutogradError(
    'invalid-argument',
    `\`checkpoints\` must be values between \`wrt\` and \`outputs\`; ${listNames(unknown)} are not.`,
  );
}

/** Segment of a node: the number of checkpoints that lie before it on the longest way. */
function assignSegments(
  path: ActivePath,
  checkpoints: ReadonlySet<Value>,
): { byNode: ReadonlyMap<GraphNode, number> } {
  const byValue = new Map<Value, number>();
  const byNode = new Map<GraphNode, number>();
  for (const node of path.nodes) {
    const segment = Math.max(0, ...node.inputs.map((name) => byValue.get(name) ?? 0));
    byNode.set(node, segment);
    for (const output of node.outputs) {
      byValue.set(output, checkpoints.has(output) ? segment + 1 : segment);
    }
  }
  return { byNode };
}

/**
 * Values through which all paths lead, at least three heavy operators apart: in a transformer, the residual
 * stream after each attention and each feed-forward block.
 */
function automaticCheckpoints(path: ActivePath, leaves: ReadonlySet<Value>): ReadonlySet<Value> {
  const lastUse = new Map<Value, number>();
  for (const [index, node] of path.nodes.entries()) {
    for (const input of node.inputs) lastUse.set(input, index);
  }
  const open = new Set<Value>();
  const chosen = new Set<Value>();
  let heavy = 0;
  for (const [index, node] of path.nodes.entries()) {
    if (heavyOperators.has(node.operator)) heavy++;
    for (const output of node.outputs) {
      if (path.values.has(output) && !leaves.has(output)) open.add(output);
    }
    for (const name of [...open]) if ((lastUse.get(name) ?? Infinity) <= index) open.delete(name);
    const [only] = open;
    if (open.size === 1 && only !== undefined && heavy >= heavyPerSegment) {
      chosen.add(only);
      heavy = 0;
    }
  }
  return chosen;
}
