import type { OnnxModel, TensorLike } from '@iapo/onnx-autograd';

export function int64(dims: number[], values: readonly number[]): TensorLike {
  return { type: 'int64', dims, data: BigInt64Array.from(values.map(BigInt)) };
}

export function float32(dims: number[], values: readonly number[]): TensorLike {
  return { type: 'float32', dims, data: Float32Array.from(values) };
}

/** What a decoder graph takes to score the tokens after `promptLength` of one sequence, without a past. */
export function decoderFeeds(
  graph: OnnxModel,
  embeddings: TensorLike,
  ids: readonly number[],
  promptLength: number,
): Record<string, TensorLike> {
  const scored = ids.slice(promptLength);
  const positions = ids.map((_, index) => index);
  const feeds: Record<string, TensorLike> = {};
  for (const { name, shape = [], type } of graph.graph.inputs) {
    if (name === 'inputs_embeds') feeds[name] = embeddings;
    else if (name === 'attention_mask')
      feeds[name] = int64(
        [1, ids.length],
        ids.map(() => 1),
      );
    else if (name === 'position_ids' && shape.length === 3) {
      // Three planes (time, row, column) that are the same for text.
      feeds[name] = int64([3, 1, ids.length], [positions, positions, positions].flat());
    } else if (name === 'position_ids') feeds[name] = int64([1, ids.length], positions);
    else if (name === 'num_logits_to_keep') feeds[name] = int64([], [0]);
    else if (name === 'logit_positions') {
      const places = scored.flatMap((_, index) => [0, promptLength - 1 + index]);
      feeds[name] = int64([scored.length, 2], places);
    } else if (name === 'target_ids') feeds[name] = int64([scored.length], scored);
    else if (name === 'temperature') feeds[name] = float32([], [1]);
    else if (name === 'cotangent.logprobs') {
      feeds[name] = float32(
        [scored.length],
        scored.map(() => 1),
      );
    } else if (name.startsWith('past_key_values.')) {
      const data = type === 'float16' ? new Uint16Array(0) : new Float32Array(0);
      feeds[name] = {
        type: type ?? 'float32',
        dims: [1, Number(shape[1]), 0, Number(shape[3])],
        data,
      };
    }
  }
  return feeds;
}

export function float32Data(tensor: TensorLike | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new Error(`expected a float32 tensor, got ${tensor?.type}`);
}
