import type { OnnxModel, TensorLike } from '@iapo/onnx-autograd';
import type { ModelConfig } from '../encode/model-config.js';
import { padPositions } from '../encode/positions.js';
import { VlmError } from '../errors.js';
import type { ScoredTokens } from './scored-tokens.js';

/** One row of a batch: its embeddings, its positions, and the tokens to score. */
export interface DecoderRow {
  /** `[length, hidden]` */
  readonly embeddings: Float32Array;
  /** One array `[length]` a plane. */
  readonly positions: readonly Int32Array[];
  readonly scored: ScoredTokens;
  /** `[layers, length, hidden]`: added after the first layers, zeros at text; `null` where there is none. */
  readonly deepstack: Float32Array | null;
}

/**
 * Feeds of a decoder without past: rows are padded on the right, which every style of export allows.
 *
 * @param names The graph's inputs; only these are fed.
 */
export function decoderFeeds(
  model: OnnxModel,
  rows: readonly DecoderRow[],
  config: Pick<ModelConfig, 'hiddenSize' | 'keyValueHeads' | 'headSize'>,
  options: { readonly temperature: number; readonly deepstackInput: string | null },
): Record<string, TensorLike> {
  const { hiddenSize: hidden } = config;
  const count = rows.length;
  const lengths = rows.map(({ embeddings }) => embeddings.length / hidden);
  const length = Math.max(1, ...lengths);
  const embeddings = new Float32Array(count * length * hidden);
  const mask = new BigInt64Array(count * length);
  const picked: bigint[] = [];
  const targets: bigint[] = [];
  for (const [row, { embeddings: own, scored }] of rows.entries()) {
    embeddings.set(own, row * length * hidden);
    mask.fill(1n, row * length, row * length + (lengths[row] ?? 0));
    for (const [index, place] of scored.indices.entries()) {
      picked.push(BigInt(row), BigInt(place - 1));
      targets.push(BigInt(scored.ids[index] ?? 0));
    }
  }
  const known: Record<string, TensorLike> = {
    inputs_embeds: { type: 'float32', dims: [count, length, hidden], data: embeddings },
    attention_mask: { type: 'int64', dims: [count, length], data: mask },
    position_ids: padPositions(
      rows.map(({ positions }) => positions),
      { length, side: 'right' },
    ),
    num_logits_to_keep: { type: 'int64', dims: [], data: BigInt64Array.of(0n) },
    logit_positions: int64([targets.length, 2], picked),
    target_ids: int64([targets.length], targets),
    temperature: { type: 'float32', dims: [], data: Float32Array.of(options.temperature) },
  };
  if (options.deepstackInput !== null)
    known[options.deepstackInput] = deepstackFeed(rows, length, hidden);
  const feeds: Record<string, TensorLike> = {};
  for (const { name, type, shape } of model.graph.inputs) {
    const feed = known[name];
    if (feed !== undefined) feeds[name] = feed;
    else if (name.startsWith('past_key_values.')) {
      const [, heads, , size] = shape ?? [];
      const dims = [
        count,
        typeof heads === 'number' ? heads : config.keyValueHeads,
        0,
        typeof size === 'number' ? size : config.headSize,
      ];
      const data = type === 'float16' ? new Uint16Array(0) : new Float32Array(0);
      feeds[name] = { type: type ?? 'float32', dims, data };
    }
  }
  return feeds;
}

const int64 = (dims: number[], values: readonly bigint[]): TensorLike => ({
  type: 'int64',
  dims,
  data: BigInt64Array.from(values),
});

/** `[layers, batch, length, hidden]`, zeros where a row has none. */
function deepstackFeed(rows: readonly DecoderRow[], length: number, hidden: number): TensorLike {
  const layersOf = ({ deepstack, embeddings }: DecoderRow): number =>
    deepstack === null ? 0 : deepstack.length / embeddings.length;
  const layers = Math.max(1, ...rows.map(layersOf));
  const data = new Float32Array(layers * rows.length * length * hidden);
  for (const [index, row] of rows.entries()) {
    if (row.deepstack === null) continue;
    const own = row.embeddings.length;
    if (layersOf(row) !== layers)
      throw new VlmError('image-tokens', 'Rows of one batch have different deepstack layers.');
    for (let layer = 0; layer < layers; layer++) {
      const from = row.deepstack.subarray(layer * own, (layer + 1) * own);
      data.set(from, (layer * rows.length + index) * length * hidden);
    }
  }
  return { type: 'float32', dims: [layers, rows.length, length, hidden], data };
}
