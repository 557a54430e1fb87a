import type { OnnxModel, TensorLike } from '@iapo/onnx-autograd';
import type { WeightSource } from '@iapo/onnx-autograd/generator';
import type { NamedArrays } from '@iapo/rl-core';

/** Weights by graph name, in the graph's layout: a product's weight is `[in, out]`. */
export interface Weights {
  readonly arrays: NamedArrays;
  readonly dims: Readonly<Record<string, readonly number[]>>;
}

/** Whether a weight is transposed between a checkpoint (`[out, in]`) and a graph (`[in, out]`). */
function isTransposed(name: string, dims: readonly number[]): boolean {
  return dims.length === 2 && name !== 'model.embed_tokens.weight';
}

/** Takes the weights of a graph from a source. */
export function loadWeights(
  model: OnnxModel,
  names: readonly string[],
  source: WeightSource,
): Weights {
  const arrays: Record<string, Float32Array> = {};
  const dims: Record<string, readonly number[]> = {};
  for (const name of names) {
    const shape = model.graph.inputs.find((input) => input.name === name)?.shape ?? [];
    const sizes = shape.map(Number);
    const values = new Float32Array(sizes.reduce((product, size) => product * size, 1));
    const flipped = isTransposed(name, sizes);
    source(name, flipped ? [...sizes].reverse() : sizes, 0, values);
    arrays[name] = flipped ? transpose(values, sizes[1] ?? 0, sizes[0] ?? 0) : values;
    dims[name] = sizes;
  }
  return { arrays, dims };
}

/** Weights as a source in a checkpoint's layout, for writing models. */
export function weightSource({ arrays, dims }: Weights): WeightSource {
  return (name, wanted, start, into) => {
    const values = arrays[name];
    const sizes = dims[name] ?? [];
    if (values?.length !== wanted.reduce((product, size) => product * size, 1)) {
      throw new RangeError(`There is no weight "${name}" of shape [${wanted.join(', ')}].`);
    }
    const flipped = isTransposed(name, sizes);
    const ordered = flipped ? transpose(values, sizes[0] ?? 0, sizes[1] ?? 0) : values;
    into.set(ordered.subarray(start, start + into.length));
  };
}

export function weightFeeds({ arrays, dims }: Weights): Record<string, TensorLike> {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, data]) => [
      name,
      { type: 'float32', dims: dims[name] ?? [], data },
    ]),
  );
}

export function countWeights({ arrays }: Weights): number {
  return Object.values(arrays).reduce((sum, { length }) => sum + length, 0);
}

function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = values[row * columns + column] ?? 0;
    }
  }
  return result;
}
