import type { GraphNode } from '@iapo/onnx-autograd';
import type { Constants } from './constants.js';
import { type GraphEdit, intsAttribute, UnknownForm } from './graph-edit.js';

/** How the numbers of a cache lie after some steps; letters as in `SplitTensor`, `N` repeats of a head. */
type Layout =
  | 'B K T D'
  | 'B K 1 T D'
  | 'B K N T D'
  | 'B H T D'
  | '(BH) T D'
  | '(BH) D T'
  | 'B H D T';

/** What stands between a cache and the product that uses it. */
export interface CacheChain {
  readonly product: GraphNode;
  /** Casts, in order. */
  readonly casts: readonly GraphNode[];
  /** Values of one element by which the cache is multiplied. */
  readonly factors: readonly string[];
  /** Nodes that read the shape of the cache with all tokens, and of the cache with its heads repeated. */
  readonly shapes: {
    readonly ofCache: readonly GraphNode[];
    readonly ofHeads: readonly GraphNode[];
  };
}

/**
 * Follows keys or values from the cache to their product, through what torch.onnx and its optimizers write for
 * `repeat_kv` and `transpose`.
 *
 * @param start Cache with the new tokens, `[B, K, T, D]`.
 * @param wanted Layout in which the product reads it, as its second operand.
 * @throws {UnknownForm} For anything else, so that no graph is changed that is not understood.
 */
export function followCache(
  edit: GraphEdit,
  constants: Constants,
  options: {
    readonly start: string;
    /** An output of the graph that the cache may be copied to. */
    readonly besides: string;
    readonly wanted: 'B H D T' | 'B H T D';
  },
): CacheChain {
  const casts: GraphNode[] = [];
  const factors: string[] = [];
  const ofCache: GraphNode[] = [];
  const ofHeads: GraphNode[] = [];
  const { start, besides, wanted } = options;
  let value = start;
  let layout: Layout = 'B K T D';
  for (;;) {
    const readers = edit
      .consumers(value)
      .filter(({ operator, outputs }) => operator !== 'Identity' || outputs[0] !== besides);
    const shapes = readers.filter(({ operator }) => operator === 'Shape');
    const [node, ...others] = readers.filter(({ operator }) => operator !== 'Shape');
    if (node === undefined || others.length > 0)
      throw new UnknownForm(`${value} is read by ${others.length === 0 ? 'nothing' : 'several'}`);
    if (layout === 'B K T D') ofCache.push(...shapes);
    else if (layout === 'B H T D') ofHeads.push(...shapes);
    if (node.operator === 'MatMul') {
      const isWhole = layout === wanted || (layout === 'B K T D' && wanted === 'B H T D');
      if (!isWhole || node.inputs[1] !== value || node.inputs[0] === value)
        throw new UnknownForm(`a product reads ${value} as ${layout}`);
      return { product: node, casts, factors, shapes: { ofCache, ofHeads } };
    }
    if (node.operator === 'Cast') casts.push(node);
    else if (node.operator === 'Mul') factors.push(factorOf(edit, constants, node, value));
    else if (node.operator !== 'Identity') layout = nextLayout(edit, constants, node, layout);
    if (node.operator !== 'Mul' && node.inputs[0] !== value)
      throw new UnknownForm(`${value} is no data of ${node.operator}`);
    value = node.outputs[0] ?? '';
  }
}

function nextLayout(
  edit: GraphEdit,
  constants: Constants,
  node: GraphNode,
  layout: Layout,
): Layout {
  const { operator } = node;
  if (operator === 'Unsqueeze' && layout === 'B K T D' && isAxisTwo(constants, node))
    return 'B K 1 T D';
  if (operator === 'Expand' && layout === 'B K 1 T D') return 'B K N T D';
  if (operator === 'Reshape') {
    if (layout === 'B K N T D') return 'B H T D';
    if (layout === 'B H T D' && isFlattened(edit, node)) return '(BH) T D';
    if (layout === '(BH) D T') return 'B H D T';
  }
  if (operator === 'Transpose') {
    const order = intsAttribute(node, 'perm')?.join();
    if (order === '0,1,3,2' && (layout === 'B H T D' || layout === 'B K T D')) return 'B H D T';
    if (order === '0,2,1' && layout === '(BH) T D') return '(BH) D T';
  }
  throw new UnknownForm(`${operator} of ${layout}`);
}

/** Whether heads are repeated one by one: the new axis stands behind theirs. */
function isAxisTwo(constants: Constants, node: GraphNode): boolean {
  const axes = intsAttribute(node, 'axes') ?? constants.ints(node.inputs[1] ?? '');
  return axes?.join() === '2';
}

/** Whether a reshape gives three axes: the only reader then turns three. */
function isFlattened(edit: GraphEdit, node: GraphNode): boolean {
  const readers = edit.consumers(node.outputs[0] ?? '');
  return (
    readers.length === 1 && readers.every((reader) => intsAttribute(reader, 'perm')?.length === 3)
  );
}

/** Operators by which exporters compute the root of the scale out of the head size. */
const pointwise: ReadonlySet<string> = new Set(['Sqrt', 'Cast', 'Div', 'Mul', 'Pow', 'Identity']);
const rearranging: ReadonlySet<string> = new Set(['Squeeze', 'Unsqueeze', 'Reshape']);

/** The other operand of a product with one number. */
function factorOf(edit: GraphEdit, constants: Constants, node: GraphNode, value: string): string {
  const factor = node.inputs.find((input) => input !== value) ?? value;
  const isSingle = (name: string, depth: number): boolean => {
    if (constants.isSingle(name)) return true;
    const producer = edit.producer(name);
    if (producer === undefined || depth === 0) return false;
    const [data = '', ...others] = producer.inputs;
    if (producer.operator === 'Slice' || producer.operator === 'Gather')
      return isOneSize(edit, constants, producer);
    if (pointwise.has(producer.operator))
      return [data, ...others].every((source) => isSingle(source, depth - 1));
    return rearranging.has(producer.operator) && isSingle(data, depth - 1);
  };
  if (factor === value || !isSingle(factor, 16))
    throw new UnknownForm(`${factor} may be no single number`);
  return factor;
}

/** Whether a node takes one size out of a shape. */
function isOneSize(edit: GraphEdit, constants: Constants, node: GraphNode): boolean {
  const [data = '', first = '', second = ''] = node.inputs;
  if (edit.producer(data)?.operator !== 'Shape') return false;
  if (node.operator === 'Gather') return constants.isSingle(first);
  const [start, end] = [constants.ints(first)?.[0], constants.ints(second)?.[0]];
  if (start === undefined || end === undefined) return false;
  return end - start === 1 || (start === -1 && end > 2 ** 31 - 2);
}
