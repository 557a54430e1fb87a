import type { TensorLike } from '@iapo/onnx-autograd';
import { rotaryPositions } from '../data/batch.js';
import { floatsOf } from '../model/float-data.js';
import { valuesPerPatch } from '../model/picture-layout.js';
import { makeTokenizer } from '../text/vocabulary.js';
import type { SamplingModel } from './sampling-model.js';

/**
 * Logits at every token of one conversation with pictures of 64×64 pixels, `[tokens, vocabulary]`, in one pass
 * of the shipped graphs.
 *
 * @param pixels Patches of all pictures in the processor's order.
 * @param grid `[pictures, 3]`.
 */
export async function episodeLogits(
  { sizes, embed, runVision, runDecoder }: SamplingModel,
  {
    ids,
    pixels,
    grid,
  }: {
    readonly ids: readonly number[];
    readonly pixels: Float32Array;
    readonly grid: BigInt64Array;
  },
): Promise<Float32Array> {
  const { hidden, layers, keyValueHeads, headDim } = sizes;
  const imageId = makeTokenizer().idOf('<|image_pad|>');
  const { image_features } = await runVision({
    pixel_values: {
      type: 'float32',
      dims: [pixels.length / valuesPerPatch, valuesPerPatch],
      data: pixels,
    },
    image_grid_thw: { type: 'int64', dims: [grid.length / 3, 3], data: grid },
  });
  const features = floatsOf(image_features);
  const embeddings = new Float32Array(ids.length * hidden);
  let visual = 0;
  for (const [at, id] of ids.entries()) {
    const values =
      id === imageId ? features.subarray(visual * hidden, ++visual * hidden) : embed(id);
    embeddings.set(values, at * hidden);
  }
  const past: Record<string, TensorLike> = {};
  for (let layer = 0; layer < layers; layer++) {
    for (const kind of ['key', 'value']) {
      past[`past_key_values.${layer}.${kind}`] = {
        type: 'float32',
        dims: [1, keyValueHeads, 0, headDim],
        data: new Float32Array(0),
      };
    }
  }
  const positions = BigInt64Array.from(rotaryPositions(ids, imageId).flat(), BigInt);
  const mask = new BigInt64Array(ids.length).fill(1n);
  const { logits } = await runDecoder({
    ...past,
    inputs_embeds: { type: 'float32', dims: [1, ids.length, hidden], data: embeddings },
    attention_mask: { type: 'int64', dims: [1, ids.length], data: mask },
    position_ids: { type: 'int64', dims: [3, 1, ids.length], data: positions },
  });
  return floatsOf(logits);
}
