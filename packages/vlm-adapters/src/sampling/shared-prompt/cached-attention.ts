import type { GraphNode } from '@iapo/onnx-autograd';
import type { CacheSlot } from '../decoder-description.js';
import { promptCacheInput } from '../decoder-description.js';
import { followCache } from './cache-chain.js';
import type { Constants } from './constants.js';
import { type GraphEdit, intAttribute, UnknownForm } from './graph-edit.js';
import { type SplitTensor, splitAverages, splitScores } from './split-products.js';

/**
 * Splits the products of one layer's keys or values in an attention of single operators.
 *
 * @throws {UnknownForm} If the graph does not use the cache in a way that is known.
 */
export function splitCachedProduct(
  edit: GraphEdit,
  constants: Constants,
  slot: CacheSlot,
  kind: 'key' | 'value',
): void {
  const { past, present, heads, headSize } = slot;
  const [join, joined] = joinOf(edit, present);
  const axis = join === undefined ? undefined : intAttribute(join, 'axis');
  if (
    join?.operator !== 'Concat' ||
    join.inputs.length !== 2 ||
    join.inputs[0] !== past ||
    (axis !== 2 && axis !== -2)
  )
    throw new UnknownForm(`${present} is not ${past} with new tokens behind it`);
  const others = edit.consumers(past).filter((node) => node !== join);
  if (others.some(({ operator }) => operator !== 'Shape'))
    throw new UnknownForm(`${past} is read by more than its layer`);
  const chain = followCache(edit, constants, {
    start: joined,
    besides: present,
    wanted: kind === 'key' ? 'B H D T' : 'B H T D',
  });
  const { product, casts, factors, shapes } = chain;
  const [left = ''] = product.inputs;
  const [output = ''] = product.outputs;
  const cast = (value: string): string =>
    casts.reduce((from, node) => edit.emit('Cast', [from], { attributes: castTo(node) }), value);
  const cache: SplitTensor = {
    prompt: cast(promptCacheInput(past)),
    grown: cast(present),
    heads,
    headSize,
  };
  edit.remove(product);
  // Numbers that keys or values were multiplied by go to the smaller operand.
  const scaled = factors.reduce((from, factor) => edit.emit('Mul', [from, factor]), left);
  if (kind === 'key') splitScores(edit, scaled, cache, output);
  else splitAverages(edit, scaled, cache, output);
  const names = { prompt: promptCacheInput(past), heads, headSize };
  for (const node of others) replaceShape(edit, node, joinedShape(edit, past, names));
  for (const node of shapes.ofCache) replaceShape(edit, node, joinedShape(edit, present, names));
  for (const node of shapes.ofHeads) {
    const queryHeads = edit.size(left, 1);
    replaceShape(edit, node, joinedShape(edit, present, { ...names, queryHeads }));
  }
}

/** The node that joins past and new tokens, and its output; a branch that was chosen copies that to the graph's. */
function joinOf(edit: GraphEdit, present: string): [GraphNode | undefined, string] {
  const producer = edit.producer(present);
  if (producer?.operator !== 'Identity') return [producer, present];
  const [inner = ''] = producer.inputs;
  return [edit.producer(inner), inner];
}

function castTo(node: GraphNode): { to: number } {
  const to = intAttribute(node, 'to');
  if (to === undefined) throw new UnknownForm('a cast to nothing');
  return { to };
}

/** The shape that a cache would have if its two parts were one. */
function joinedShape(
  edit: GraphEdit,
  grown: string,
  sizes: {
    readonly prompt: string;
    readonly heads: number;
    readonly headSize: number;
    readonly queryHeads?: string;
  },
): string {
  const { prompt, heads, headSize, queryHeads = edit.ints([heads]) } = sizes;
  const length = edit.emit('Add', [edit.size(prompt, 2), edit.size(grown, 2)]);
  return edit.concat([edit.size(grown, 0), queryHeads, length, edit.ints([headSize])], 0);
}

/** Puts a shape in place of what a Shape node gives. */
function replaceShape(edit: GraphEdit, node: GraphNode, shape: string): void {
  const [output = ''] = node.outputs;
  const start = intAttribute(node, 'start') ?? 0;
  const end = intAttribute(node, 'end') ?? Number.MAX_SAFE_INTEGER;
  edit.remove(node);
  edit.emit('Slice', [shape, edit.ints([start]), edit.ints([end])], { output });
}
