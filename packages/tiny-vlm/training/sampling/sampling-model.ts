import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createSession,
  makeTrainable,
  type OnnxModel,
  readModel,
  type Session,
  type TensorLike,
} from '@iapo/onnx-autograd';
import { headDimOf } from '../model/architecture.js';
import { floatsOf } from '../model/float-data.js';
import type { TrainableModel } from '../model/trainable-model.js';
import { weightFeeds } from '../model/weights.js';
import { makeGraphs } from '../model/write-model.js';

type Feeds = Readonly<Record<string, TensorLike>>;

/** A model as the sampler needs it. */
export interface SamplingModel {
  readonly sizes: {
    readonly hidden: number;
    readonly layers: number;
    readonly keyValueHeads: number;
    readonly headDim: number;
  };
  /** Embedding of a token, `[hidden]`. */
  embed(id: number): Float32Array;
  runVision(feeds: Feeds): Promise<Readonly<Record<string, TensorLike>>>;
  runDecoder(feeds: Feeds): Promise<Readonly<Record<string, TensorLike>>>;
  dispose(): Promise<void>;
}

const headName = 'lm_head.weight';
const tableName = 'model.embed_tokens.weight';

/** The graphs that are shipped, fed with a model's live weights: sampling follows training. */
export async function liveModel(model: TrainableModel): Promise<SamplingModel> {
  const { architecture, vocabulary, weights } = model;
  const { hidden, layers, keyValueHeads } = architecture;
  const graphs = makeGraphs(architecture, vocabulary, weights);
  const open = (graph: OnnxModel): Promise<Session> => {
    const names = graph.graph.initializers
      .map(({ name }) => name)
      .filter((name) => Object.hasOwn(weights.arrays, name) || name === headName);
    return createSession(makeTrainable(graph, names));
  };
  const [vision, decoder] = await Promise.all([
    open(graphs.vision_encoder),
    open(graphs.decoder_model_merged),
  ]);
  const table = weights.arrays[tableName] ?? new Float32Array(0);
  const weightsOf = (session: Session): Feeds => {
    const names = new Set(session.inputNames);
    const feeds = Object.entries(weightFeeds(weights)).filter(([name]) => names.has(name));
    return Object.fromEntries(feeds);
  };
  // The last layer's weight is the table of embeddings, transposed.
  const head = (): TensorLike => {
    const data = new Float32Array(table.length);
    for (let id = 0; id < vocabulary; id++) {
      for (let at = 0; at < hidden; at++) data[at * vocabulary + id] = table[id * hidden + at] ?? 0;
    }
    return { type: 'float32', dims: [hidden, vocabulary], data };
  };
  return {
    sizes: { hidden, layers, keyValueHeads, headDim: headDimOf(architecture) },
    embed: (id) => table.subarray(id * hidden, (id + 1) * hidden),
    runVision: (feeds) => vision.run({ ...weightsOf(vision), ...feeds }),
    runDecoder: (feeds) => decoder.run({ ...weightsOf(decoder), [headName]: head(), ...feeds }),
    dispose: async () => {
      await Promise.all([vision.dispose(), decoder.dispose()]);
    },
  };
}

/** A model's folder, as it is shipped. */
export async function shippedModel(folder: string): Promise<SamplingModel> {
  const open = (name: string): Promise<Session> =>
    createSession(readModel(join(folder, 'onnx', `${name}.onnx`)));
  const [embedding, vision, decoder] = await Promise.all([
    open('embed_tokens'),
    open('vision_encoder'),
    open('decoder_model_merged'),
  ]);
  // Written by `writeModelFolder`.
  const { text_config } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as {
    text_config: Record<string, number>;
  };
  const size = (name: string): number => text_config[name] ?? 0;
  const hidden = size('hidden_size');
  const ids = BigInt64Array.from({ length: size('vocab_size') }, (_, id) => BigInt(id));
  const embedded = await embedding.run({
    input_ids: { type: 'int64', dims: [1, ids.length], data: ids },
  });
  await embedding.dispose();
  const table = floatsOf(embedded['inputs_embeds']);
  return {
    sizes: {
      hidden,
      layers: size('num_hidden_layers'),
      keyValueHeads: size('num_key_value_heads'),
      headDim: hidden / size('num_attention_heads'),
    },
    embed: (id) => table.subarray(id * hidden, (id + 1) * hidden),
    runVision: (feeds) => vision.run(feeds),
    runDecoder: (feeds) => decoder.run(feeds),
    dispose: async () => {
      await Promise.all([vision.dispose(), decoder.dispose()]);
    },
  };
}
