import { InferenceSession, Tensor } from 'onnxruntime-node';
import { floatToBits } from '../../../src/codec/float-formats.js';
import type { OnnxModel, ValueInfo } from '../../../src/codec/model.js';
import { randomNumbers } from './random.js';

const batch = 1;
const sequence = 5;
const past = 3;
const gridSide = 4;

/** Small sizes for the names that the fixtures give to dimensions; `s…` are of the dynamo exporter. */
const sizes: Readonly<Record<string, number>> = {
  batch_size: batch,
  s18: batch,
  num_images: 1,
  sequence_length: sequence,
  s22: sequence,
  past_sequence_length: past,
  total_sequence_length: past + sequence,
  s53: past + sequence,
  kv_cache_dim: 16,
  num_patches: gridSide * gridSide,
};

/** Makes a tensor for each input of a model, seeded. */
export function randomFeeds(model: OnnxModel, seed: number): Record<string, Tensor> {
  const random = randomNumbers(seed);
  const constants = new Set(model.graph.initializers.map(({ name }) => name));
  return Object.fromEntries(
    model.graph.inputs
      .filter(({ name }) => !constants.has(name))
      .map((input) => [input.name, randomFeed(input, random)]),
  );
}

function randomFeed({ name, type, shape }: ValueInfo, random: () => number): Tensor {
  const dims = (shape ?? []).map((size) => {
    if (typeof size === 'number') return size;
    const known = sizes[size] ?? (name.startsWith('past_key_values') ? past : undefined);
    if (known === undefined) throw new Error(`input ${name} has the unknown dimension ${size}`);
    return known;
  });
  const count = dims.reduce((product, size) => product * size, 1);
  const values = Array.from({ length: count }, () => 2 * random() - 1);
  switch (type) {
    case 'float32':
      return new Tensor('float32', Float32Array.from(values), dims);
    case 'float16':
      return new Tensor(
        'float16',
        Uint16Array.from(values, (value) => floatToBits('float16', value)),
        dims,
      );
    case 'bool':
      return new Tensor(
        'bool',
        values.map(() => true),
        dims,
      );
    case 'int64':
      return new Tensor('int64', BigInt64Array.from(integers(name, values)), dims);
    default:
      throw new Error(`input ${name} has the type ${type}`);
  }
}

function integers(name: string, values: readonly number[]): bigint[] {
  if (name === 'attention_mask') return values.map(() => 1n);
  if (name === 'position_ids') return values.map((_, index) => BigInt(past + (index % sequence)));
  if (name === 'num_logits_to_keep') return [0n];
  if (name.endsWith('grid_thw')) return [1n, BigInt(gridSide), BigInt(gridSide)];
  return values.map((value) => BigInt(Math.floor(300 * (value + 1))));
}

/**
 * Runs a model on one thread and returns the bytes of each output, in base64: a string is compared in no
 * time where the runner would walk an array.
 *
 * @param directory Folder of external data, for a model given as bytes.
 */
export async function runModel(
  model: string | Uint8Array,
  feeds: Record<string, Tensor>,
  directory?: string,
): Promise<Record<string, string>> {
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: {
      session: {
        ...(directory === undefined
          ? {}
          : { model_external_initializers_file_folder_path: directory }),
      },
    },
  };
  const session =
    typeof model === 'string'
      ? await InferenceSession.create(model, options)
      : await InferenceSession.create(model, options);
  try {
    const outputs = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data }]) => {
        if (!ArrayBuffer.isView(data)) throw new Error(`output ${name} is not numeric`);
        const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
        return [name, bytes.toString('base64')];
      }),
    );
  } finally {
    await session.release();
  }
}
