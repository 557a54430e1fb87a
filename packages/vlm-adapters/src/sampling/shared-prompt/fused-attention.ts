import type { GraphNode } from '@iapo/onnx-autograd';
import { type CacheSlot, promptCacheInput } from '../decoder-description.js';
import type { Constants } from './constants.js';
import { floatAttribute, type GraphEdit, intAttribute, UnknownForm } from './graph-edit.js';
import { splitAverages, splitScores } from './split-products.js';

/** Inputs that this form does not know: bias, sink, scales of quantized caches, norms of queries and keys. */
const unknownInputs = [10, 11, 12, 13, 14, 15];

/** A score that no softmax sees, and that can be added to another without overflow. */
const masked = -1e30;

/**
 * Writes a GroupQueryAttention node (com.microsoft) as single operators on a split cache. Rows may then be padded on
 * either side: what a row sees is said by `attention_mask`.
 *
 * @param masks Masks that other layers have made already, by window.
 * @see onnxruntime `docs/ContribOperators.md`
 * @throws {UnknownForm} For inputs and attributes that are not known.
 */
export function splitGroupQueryAttention(
  edit: GraphEdit,
  constants: Constants,
  layer: { readonly node: GraphNode; readonly key: CacheSlot; readonly value: CacheSlot },
  masks: Map<number, string>,
): void {
  const { node, key, value } = layer;
  const heads = intAttribute(node, 'num_heads') ?? 0;
  const keyHeads = intAttribute(node, 'kv_num_heads') ?? heads;
  const isKnown =
    unknownInputs.every((index) => (node.inputs[index] ?? '') === '') &&
    (node.outputs[3] ?? '') === '' &&
    key.type === 'float32' &&
    keyHeads === key.heads &&
    (intAttribute(node, 'causal') ?? 1) === 1 &&
    ['smooth_softmax', 'sliding_window_cache'].every(
      (name) => (intAttribute(node, name) ?? 0) <= 0,
    );
  if (!isKnown) throw new UnknownForm(`options of ${node.name} that are not known`);
  const { headSize } = key;
  const isTurned = (intAttribute(node, 'do_rotary') ?? 0) === 1;
  // Angles for a part of each head would need another attribute.
  if (isTurned && constants.dims(node.inputs[7] ?? '')?.[1] !== headSize / 2)
    throw new UnknownForm(`${node.name} turns a part of its heads`);
  const split = (x: string, count: number): string =>
    edit.emit('Transpose', [edit.emit('Reshape', [x, edit.ints([0, 0, count, headSize])])], {
      attributes: { perm: [0, 2, 1, 3] },
    });
  const [query, newKey, newValue] = rotated(
    edit,
    node,
    separated(edit, node, [heads, keyHeads, headSize]),
  );
  const grown = (slot: CacheSlot, x: string): string =>
    edit.emit('Concat', [slot.past, split(x, keyHeads)], {
      attributes: { axis: 2 },
      output: slot.present,
    });
  const part = (slot: CacheSlot, x: string) => ({
    prompt: promptCacheInput(slot.past),
    grown: grown(slot, x),
    heads: keyHeads,
    headSize,
  });
  edit.remove(node);
  const scale = floatAttribute(node, 'scale') || headSize ** -0.5;
  const scaled = edit.emit('Mul', [split(query, heads), edit.float(scale)]);
  let scores = splitScores(edit, scaled, part(key, newKey));
  const softcap = floatAttribute(node, 'softcap') ?? 0;
  if (softcap > 0) {
    const bent = edit.emit('Tanh', [edit.emit('Div', [scores, edit.float(softcap)])]);
    scores = edit.emit('Mul', [bent, edit.float(softcap)]);
  }
  const window = intAttribute(node, 'local_window_size') ?? -1;
  const mask = masks.get(window) ?? visibleKeys(edit, query, window);
  masks.set(window, mask);
  const probabilities = edit.emit('Softmax', [edit.emit('Add', [scores, mask])], {
    attributes: { axis: -1 },
  });
  const attended = edit.emit(
    'Transpose',
    [splitAverages(edit, probabilities, part(value, newValue))],
    { attributes: { perm: [0, 2, 1, 3] } },
  );
  edit.emit('Reshape', [attended, edit.ints([0, 0, heads * headSize])], {
    output: node.outputs[0] ?? '',
  });
}

type Three = readonly [query: string, key: string, value: string];

/** Query, key and value `[B, S, heads · D]`, which may come in one tensor. */
function separated(
  edit: GraphEdit,
  { inputs }: GraphNode,
  [heads, keyHeads, headSize]: readonly [number, number, number],
): Three {
  const [packed = '', key = '', value = ''] = inputs;
  if (key !== '' && value !== '') return [packed, key, value];
  const axis = edit.ints([2]);
  let start = 0;
  const cut = (count: number): string => {
    const end = start + count * headSize;
    const piece = edit.emit('Slice', [packed, edit.ints([start]), edit.ints([end]), axis]);
    start = end;
    return piece;
  };
  return [cut(heads), cut(keyHeads), cut(keyHeads)];
}

/** Queries and keys turned by position, where the node does that itself. */
function rotated(edit: GraphEdit, node: GraphNode, [query, key, value]: Three): Three {
  if ((intAttribute(node, 'do_rotary') ?? 0) !== 1) return [query, key, value];
  const [cos = '', sin = '', given = ''] = node.inputs.slice(7, 10);
  const positions = given === '' ? countedPositions(edit, query) : given;
  const turn = (x: string, heads: number): string =>
    edit.emit('RotaryEmbedding', [x, positions, cos, sin], {
      domain: 'com.microsoft',
      attributes: { interleaved: intAttribute(node, 'rotary_interleaved') ?? 0, num_heads: heads },
    });
  const heads = intAttribute(node, 'num_heads') ?? 0;
  return [turn(query, heads), turn(key, intAttribute(node, 'kv_num_heads') ?? heads), value];
}

/** Positions of the new tokens `[B, S]`: how many real tokens stand before each. */
function countedPositions(edit: GraphEdit, query: string): string {
  const counts = edit.emit('CumSum', ['attention_mask', edit.ints([1])]);
  const length = edit.size('attention_mask', 1);
  const start = edit.emit('Sub', [length, edit.size(query, 1)]);
  const own = edit.emit('Slice', [counts, start, length, edit.ints([1])]);
  // Padding before the first token has no position; 0 is as good as any.
  return edit.emit('Max', [edit.emit('Sub', [own, edit.ints([1])]), edit.ints([0])]);
}

/** `[B, 1, S, P + T]`, to be added to scores: 0 at real tokens up to the query's, at most `window` of them. */
function visibleKeys(edit: GraphEdit, query: string, window: number): string {
  const total = edit.size('attention_mask', 1);
  const scalar = (size: string): string => edit.emit('Squeeze', [size, edit.ints([0])]);
  const range = (size: string): string =>
    edit.emit('Range', [scalar(edit.ints([0])), scalar(size), scalar(edit.ints([1]))]);
  const length = edit.size(query, 1);
  const keys = range(total);
  const places = edit.emit('Unsqueeze', [
    edit.emit('Add', [range(length), edit.emit('Sub', [total, length])]),
    edit.ints([1]),
  ]);
  let isSeen = edit.emit('LessOrEqual', [keys, places]);
  if (window > 0) {
    const first = edit.emit('Sub', [places, edit.ints([window])]);
    isSeen = edit.emit('And', [isSeen, edit.emit('Greater', [keys, first])]);
  }
  const isReal = edit.emit('Unsqueeze', [
    edit.emit('Cast', ['attention_mask'], { attributes: { to: 9 } }),
    edit.ints([1, 2]),
  ]);
  const keep = edit.emit('And', [isReal, isSeen]);
  return edit.emit('Where', [keep, edit.float(0), edit.float(masked)]);
}
