import { differentiate, makeTrainable, type OnnxModel } from '@iapo/onnx-autograd';
import {
  axialTables,
  embedPatches,
  gatedFeedForward,
  ModelWriter,
  memoryStore,
  mergePatches,
  resolveVisionOptions,
  type VisionSegments,
  visionBlock,
  type WeightSource,
} from '@iapo/onnx-autograd/generator';
import {
  type Architecture,
  headDimOf,
  maximumPositions,
  mropeSectionsOf,
  ropeTheta,
  visionOptions,
} from './architecture.js';
import {
  patchesPerPicture,
  patchesPerWindow,
  processorOrder,
  valuesPerPatch,
  windowOrder,
} from './picture-layout.js';

/** Epsilon of the decoder's norms, Qwen2.5's. */
const normEpsilon = 1e-6;

/** Weights are fed with each run: the graph holds none. */
const noWeights: WeightSource = () => {};

const tableName = 'model.embed_tokens.weight';

type Value = string;

/** The whole model in one graph, and the names of its weights. */
export interface TrainingGraph {
  /** Graph inputs and gradients by these names. */
  readonly weightNames: readonly string[];
  readonly model: OnnxModel;
}

/**
 * Vision tower, embedding and decoder in one graph, for pictures of 64×64 pixels and rows that are padded on
 * the right: the same function as the three files that are shipped (tested), in a form that is fast to train.
 *
 * Inputs, with `B` rows of length `L`, `N` pictures and `T` scored tokens:
 * `pixels` `[64 N, 384]`, patches in window order; `rows` int64 `[B, L]`, a row of the table of embeddings with
 * the visual tokens of all pictures below it; `positions` int64 `[3, B, L]`; `scored` int64 `[T]`, places in
 * B·L whose next token is scored; `targets` int64 `[T]`; and every weight.
 *
 * Outputs: `logprobs` `[T]`, and with `cotangent.logprobs` `[T]` fed, `gradient.<weight>` for each weight.
 */
export function makeTrainingGraph(architecture: Architecture, vocabulary: number): TrainingGraph {
  const writer = new ModelWriter({ source: noWeights, store: memoryStore() });
  const { ops } = writer;
  const pixels = writer.input('pixels', 'float32', ['patches', valuesPerPatch]);
  const rows = writer.input('rows', 'int64', ['batch', 'length']);
  writer.input('positions', 'int64', [3, 'batch', 'length']);
  const scored = writer.input('scored', 'int64', ['scored']);
  const targets = writer.input('targets', 'int64', ['scored']);

  const table = writer.parameter(tableName, [vocabulary, architecture.hidden]);
  const images = visionTower(writer, pixels, architecture);
  const embedded = ops.gather(ops.concat([table, images], 0), rows, 0);
  const flat = ops.reshape(embedded, [-1, architecture.hidden]);
  const last = decoder(writer, flat, rows, architecture);
  const chosen = norm(writer, ops.gather(last, scored, 0), 'model.norm', architecture.hidden);
  const logits = ops.matMul(chosen, table, { transposeB: true });
  const all = ops.logSoftmax(logits, -1);
  const picked = ops.emit('GatherElements', [all, ops.unsqueeze(targets, [1])], {
    attributes: { axis: 1 },
  });
  writer.builder.emit('Squeeze', [picked, ops.int64([1])], { outputs: ['logprobs'] });
  writer.output('logprobs', ['scored']);
  const weightNames = [...writer.weightShapes.keys()];
  return { weightNames, model: makeTrainable(writer.build(), weightNames) };
}

/** Adds gradients with respect to all weights. */
export function differentiateTraining({ model, weightNames }: TrainingGraph): OnnxModel {
  return differentiate(model, { outputs: ['logprobs'], wrt: weightNames });
}

/** Visual tokens of all pictures, `[16 N, hidden]`, in window order. */
function visionTower(writer: ModelWriter, pixels: Value, architecture: Architecture): Value {
  const { ops } = writer;
  const options = resolveVisionOptions({ ...visionOptions(architecture), source: noWeights });
  const { hidden, heads, depth, fullAttentionBlocks } = options;
  const headDim = hidden / heads;
  const places = windowOrder.map((index) => processorOrder[index]);
  const table = (name: string, of: (index: number) => number): Value =>
    writer.table(`visual.${name}`, [patchesPerPicture], of);
  const small = axialTables(
    writer,
    {
      rows: table('rows', (index) => places[index]?.row ?? 0),
      columns: table('columns', (index) => places[index]?.column ?? 0),
    },
    options,
  );
  // [64, 1, size] for one picture: patches of all pictures take turns.
  const count = ops.div(ops.size(pixels, 0), patchesPerPicture);
  const repeats = ops.concat([count, ops.int64([1, 1])], 0);
  const repeat = (value: Value): Value => ops.emit('Tile', [value, repeats]);
  const tables = { cos: repeat(small.cos), sin: repeat(small.sin) };
  const segmentsOf = (slots: number): VisionSegments => ({
    spread: (value) => ops.transpose(ops.reshape(value, [-1, slots, heads, headDim]), [0, 2, 1, 3]),
    collect: (value) => ops.reshape(ops.transpose(value, [0, 2, 1, 3]), [-1, hidden]),
  });
  const [windows, pictures] = [segmentsOf(patchesPerWindow), segmentsOf(patchesPerPicture)];
  let stream = embedPatches(writer, pixels, options);
  for (let index = 0; index < depth; index++) {
    const segments = fullAttentionBlocks.includes(index) ? pictures : windows;
    stream = visionBlock(writer, stream, index, { ...options, tables, segments });
  }
  return mergePatches(writer, stream, options);
}

/** Residual stream after the last layer, `[B·L, hidden]`. */
function decoder(
  writer: ModelWriter,
  embedded: Value,
  rows: Value,
  architecture: Architecture,
): Value {
  const { ops } = writer;
  const { hidden, layers } = architecture;
  const half = headDimOf(architecture) / 2;
  const cache = (name: string, of: (angle: number) => number): Value =>
    writer.table(name, [maximumPositions, half], (index) =>
      of(Math.floor(index / half) * ropeTheta ** (-(index % half) / half)),
    );
  const length = ops.size(rows, 1);
  const places = ops.range(length);
  const isLater = ops.greater(ops.unsqueeze(places, [0]), ops.unsqueeze(places, [1]));
  const shared = {
    architecture,
    batchAndLength: ops.shape(rows),
    cos: cache('cos_cache', Math.cos),
    sin: cache('sin_cache', Math.sin),
    // Rows are padded on the right, so that real tokens see no padding: [L, L]
    mask: ops.where(isLater, ops.scalar(-1e9, 'float32'), ops.scalar(0, 'float32')),
  };
  let stream = embedded;
  for (let layer = 0; layer < layers; layer++) {
    const name = `model.layers.${layer}`;
    const before = norm(writer, stream, `${name}.input_layernorm`, hidden);
    stream = ops.add(stream, selfAttention(writer, before, `${name}.self_attn`, shared));
    const between = norm(writer, stream, `${name}.post_attention_layernorm`, hidden);
    stream = ops.add(stream, gatedFeedForward(writer, between, `${name}.mlp`, architecture));
  }
  return stream;
}

function norm(writer: ModelWriter, x: Value, name: string, size: number): Value {
  return writer.ops.emit(
    'SimplifiedLayerNormalization',
    [x, writer.parameter(`${name}.weight`, [size])],
    { attributes: { axis: -1, epsilon: { float: normEpsilon }, stash_type: 1 } },
  );
}

/** Query heads that share a key head lie below each other, so that keys need not be repeated. */
function selfAttention(
  writer: ModelWriter,
  x: Value,
  name: string,
  shared: {
    readonly architecture: Architecture;
    readonly batchAndLength: Value;
    readonly cos: Value;
    readonly sin: Value;
    readonly mask: Value;
  },
): Value {
  const { ops } = writer;
  const { architecture, batchAndLength } = shared;
  const { hidden, heads, keyValueHeads } = architecture;
  const headDim = headDimOf(architecture);
  const group = heads / keyValueHeads;
  const shaped = (value: Value, ...sizes: readonly number[]): Value =>
    ops.reshape(value, ops.concat([batchAndLength, ops.int64(sizes)], 0));
  const project = (part: string, count: number): Value =>
    writer.linear(x, `${name}.${part}`, {
      inFeatures: hidden,
      outFeatures: count * headDim,
      bias: true,
    });
  const turn = (value: Value, count: number): Value =>
    ops.emit(
      'MRotaryEmbedding',
      [shaped(value, count * headDim), 'positions', shared.cos, shared.sin],
      {
        domain: 'com.microsoft',
        attributes: {
          num_heads: count,
          mrope_section: mropeSectionsOf(architecture),
          interleaved: 0,
        },
      },
    );
  const perHead = (value: Value): Value =>
    ops.transpose(shaped(value, keyValueHeads, headDim), [0, 2, 1, 3]);
  const query = shaped(turn(project('q_proj', heads), heads), keyValueHeads, group, headDim);
  // [B, key heads, group, L, size] → [B, key heads, group · L, size]
  const queries = ops.reshape(ops.transpose(query, [0, 2, 3, 1, 4]), [
    0,
    keyValueHeads,
    -1,
    headDim,
  ]);
  const keys = perHead(turn(project('k_proj', keyValueHeads), keyValueHeads));
  const values = perHead(project('v_proj', keyValueHeads));
  const scores = ops.matMul(queries, keys, { transposeB: true, scale: headDim ** -0.5 });
  const batch = ops.slice(batchAndLength, 0, 1, 0);
  const length = ops.slice(batchAndLength, 1, 2, 0);
  const perQuery = ops.reshape(
    scores,
    ops.concat([batch, ops.int64([keyValueHeads, group]), length, length], 0),
  );
  const weights = ops.softmax(ops.add(perQuery, shared.mask), -1);
  const mixed = ops.emit('MatMul', [ops.reshape(weights, ops.shape(scores)), values]);
  const apart = ops.reshape(
    mixed,
    ops.concat([batch, ops.int64([keyValueHeads, group]), length, ops.int64([headDim])], 0),
  );
  const merged = ops.reshape(ops.transpose(apart, [0, 3, 1, 2, 4]), [-1, heads * headDim]);
  return writer.linear(merged, `${name}.o_proj`, {
    inFeatures: heads * headDim,
    outFeatures: hidden,
  });
}
