import { VlmError } from '../errors.js';
import type { Sequence } from '../types/prompt.js';
import type { EmbeddingTable } from './embedding-table.js';
import type { VisionEncoder } from './vision-encoder.js';
import type { TrainableWeights } from './weights.js';

/** Makes a result of the decoder's gradients, batch by batch. */
export interface GradientCollector {
  /** What the decoder is differentiated with respect to. */
  readonly wrt: readonly string[];
  /** @param batch Sequence numbers, in the order of the rows. */
  add(batch: readonly number[], gradients: ReadonlyMap<string, Float32Array>): Promise<void> | void;
  result(): unknown;
}

const embeddings = 'inputs_embeds';

/** Sums over sequences, by the names in the graph. */
export function adapterCollector(names: readonly string[]): GradientCollector {
  if (names.length === 0) {
    throw new VlmError(
      'invalid-argument',
      '`wrt: "adapter"` needs an adapter, and the model has none. Load it with `lora` or `adapter`.',
    );
  }
  const sums: Record<string, Float32Array> = {};
  return {
    wrt: names,
    add: (_, gradients) => {
      for (const [name, gradient] of gradients) addTo(sums, name, gradient);
    },
    result: () => sums,
  };
}

/** `[sequence]`: the rows of the prompt, `[P, hidden]`. */
export function embeddingCollector(
  sequences: readonly Sequence[],
  hidden: number,
): GradientCollector {
  const result: Float32Array[] = [];
  return {
    wrt: [embeddings],
    add: (batch, gradients) => {
      for (const [index, rows] of rowsOf(batch, gradients)) {
        const length = sequences[index]?.prompt.inputIds.length ?? 0;
        result[index] = rows.slice(0, length * hidden);
      }
    },
    result: () => result,
  };
}

/** `[sequence][picture]`: through the vision encoder, in the shape of `pixel_values`. */
export function pixelCollector(
  sequences: readonly Sequence[],
  hidden: number,
  vision: VisionEncoder,
): GradientCollector {
  const result: Float32Array[][] = sequences.map(() => []);
  return {
    wrt: [embeddings],
    add: async (batch, gradients) => {
      for (const [index, rows] of rowsOf(batch, gradients)) {
        for (const image of sequences[index]?.prompt.images ?? []) {
          const cotangent = picked(rows, image.tokens, hidden);
          result[index]?.push(await vision.pixelGradient(image, cotangent));
        }
      }
    },
    result: () => result,
  };
}

/** Everything that is learned: the decoder, the embedding table and the vision encoder. */
export function weightCollector(
  sequences: readonly Sequence[],
  hidden: number,
  model: {
    readonly decoder: TrainableWeights;
    readonly table: { readonly weights: TrainableWeights; readonly rows: EmbeddingTable };
    readonly vision: { readonly weights: TrainableWeights; readonly encoder: VisionEncoder };
  },
): GradientCollector {
  const { decoder, table, vision } = model;
  if (decoder.names.length === 0) {
    throw new VlmError(
      'invalid-argument',
      '`wrt: "weights"` needs a model that was loaded with `trainable: "weights"`.',
    );
  }
  const sums: Record<string, Float32Array> = {};
  return {
    wrt: [...decoder.names, embeddings],
    add: async (batch, gradients) => {
      for (const [name, gradient] of gradients)
        if (name !== embeddings) addTo(sums, decoder.parameterName(name), gradient);
      for (const [index, rows] of rowsOf(batch, gradients)) {
        const sequence = sequences[index];
        if (sequence === undefined) continue;
        const { prompt, completion } = sequence;
        const isImage = new Set(prompt.images.flatMap(({ tokens }) => [...tokens]));
        const ids = [...prompt.inputIds, ...completion];
        const text = Int32Array.from([...ids.keys()].filter((place) => !isImage.has(place)));
        const textIds = text.map((place) => ids[place] ?? 0);
        const ofTable = await table.rows.weightGradients(textIds, picked(rows, text, hidden));
        for (const [name, gradient] of ofTable)
          addTo(sums, table.weights.parameterName(name), gradient);
        for (const image of prompt.images) {
          const cotangent = picked(rows, image.tokens, hidden);
          const ofEncoder = await vision.encoder.weightGradients(image, cotangent);
          for (const [name, gradient] of ofEncoder)
            addTo(sums, vision.weights.parameterName(name), gradient);
        }
      }
    },
    result: () => sums,
  };
}

/** Rows of each sequence in a batch, padding included. */
function rowsOf(
  batch: readonly number[],
  gradients: ReadonlyMap<string, Float32Array>,
): [index: number, rows: Float32Array][] {
  const all = gradients.get(embeddings) ?? new Float32Array(0);
  const stride = all.length / batch.length;
  return batch.map((index, row) => [index, all.subarray(row * stride, (row + 1) * stride)]);
}

function picked(rows: Float32Array, places: Int32Array, hidden: number): Float32Array {
  const result = new Float32Array(places.length * hidden);
  for (const [index, place] of places.entries())
    result.set(rows.subarray(place * hidden, (place + 1) * hidden), index * hidden);
  return result;
}

function addTo(sums: Record<string, Float32Array>, name: string, gradient: Float32Array): void {
  const sum = sums[name];
  if (sum === undefined) sums[name] = gradient.slice();
  else
    for (let index = 0; index < sum.length; index++)
      sum[index] = (sum[index] ?? 0) + (gradient[index] ?? 0);
}
