import type { ElementType } from '../codec/element-types.js';
import type { Dimension, OnnxModel, ValueInfo } from '../codec/model.js';
import { GraphBuilder, type Value } from '../graph/graph-builder.js';
import { Operations } from '../graph/operations.js';
import { quantizeToFourBits } from './four-bit.js';
import type { WeightSource } from './weight-source.js';
import type { WeightStore } from './weight-store.js';

export interface ModelWriterOptions {
  /** Where weights come from, by their Hugging Face names. */
  readonly source: WeightSource;
  /** Where they go. */
  readonly store: WeightStore;
  /** Whether linear layers become MatMulNBits. Default `float32`. */
  readonly weights?: 'float32' | 'q4';
  /** Numbers that share a scale in 4-bit weights. Default 32. */
  readonly blockSize?: number;
  /** Whose names nodes get: `/model/x/MatMul_output_0` or `/model/x/MatMul/output_0`. Default `torch`. */
  readonly naming?: 'torch' | 'genai';
  /** Version of the operator set of ai.onnx. Default 18. */
  readonly opset?: number;
  /** Folder of the weights' file. */
  readonly directory?: string | undefined;
}

export interface LinearOptions {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** Whether there is a `<name>.bias`. Default `false`. */
  readonly bias?: boolean;
  /** Name of the weight at its source. Default `<name>.weight`. */
  readonly weightName?: string;
  /** Name of the result. Default: one that says where it comes from. */
  readonly output?: Value;
}

/**
 * What the blocks of a network are written with: a graph with operators, and weights by their Hugging Face
 * names.
 */
export class ModelWriter {
  readonly builder: GraphBuilder;
  readonly ops: Operations;
  /** Shapes of the weights taken from the source so far, in the source's layout. */
  readonly weightShapes: Map<string, readonly number[]> = new Map();
  /** Names among them that are stored in 4 bits. */
  readonly fourBitWeights: Set<string> = new Set();
  readonly #options: Required<Omit<ModelWriterOptions, 'directory'>>;
  readonly #outputs: ValueInfo[] = [];
  #prefix = '';

  constructor(options: ModelWriterOptions) {
    const { directory, ...given } = options;
    const naming = options.naming ?? 'torch';
    this.#options = { weights: 'float32', blockSize: 32, naming, opset: 18, ...given };
    this.builder = new GraphBuilder(emptyModel(this.#options.opset, directory));
    this.ops = new Operations(this.builder);
  }

  /** Names of nodes that `write` adds begin with `prefix`, such as `/model/layers.0/self_attn`. */
  within<T>(prefix: string, write: () => T): T {
    const outer = this.#prefix;
    this.#prefix = prefix;
    this.builder.prefix = prefix;
    try {
      return write();
    } finally {
      this.#prefix = outer;
      this.builder.prefix = outer;
    }
  }

  /** The same by a module's Hugging Face name, such as `model.layers.0.self_attn`. */
  inModule<T>(name: string, write: () => T): T {
    return this.within(this.#nodePath(name), write);
  }

  input(name: string, type: ElementType, shape: readonly Dimension[]): Value {
    this.builder.addInput({ name, type, shape, encodedType: undefined, other: [] });
    return name;
  }

  /** Declares a float32 value that leaves the graph; outputs come in the order of the calls. */
  output(name: Value, shape: readonly Dimension[]): void {
    this.#outputs.push({ name, type: 'float32', shape, encodedType: undefined, other: [] });
  }

  /** A weight in the layout of its source, float32. */
  parameter(name: string, dims: readonly number[]): Value {
    return this.#store(name, 'float32', dims, () => this.#read(name, dims));
  }

  /** A float32 table that is computed, not learned. */
  table(name: string, dims: readonly number[], element: (index: number) => number): Value {
    if (this.builder.has(name)) return name;
    const count = dims.reduce((product, size) => product * size, 1);
    const bytes = (): Uint8Array =>
      bytesOf(Float32Array.from({ length: count }, (_, index) => element(index)));
    this.builder.addInitializer(this.#options.store.add(name, 'float32', dims, bytes));
    return name;
  }

  /** `x Wᵀ (+ b)` with `W` `[out, in]` at its source: MatMul with `[in, out]`, or MatMulNBits. */
  linear(x: Value, name: string, options: LinearOptions): Value {
    const { bias = false, weightName = `${name}.weight`, output } = options;
    const path = this.#nodePath(name);
    const product = bias || output === undefined ? this.#resultOf(`${path}/MatMul`) : output;
    if (this.#options.weights === 'q4') this.#fourBit(x, path, product, weightName, name, options);
    else this.#float(x, path, product, weightName, name, options);
    if (!bias) return product;
    const offset = this.parameter(`${name}.bias`, [options.outFeatures]);
    const sum = output ?? this.#resultOf(`${path}/Add`);
    this.builder.emit('Add', [product, offset], { name: `${path}/Add`, outputs: [sum] });
    return sum;
  }

  build(): OnnxModel {
    return this.builder.build({ outputs: this.#outputs });
  }

  #float(
    x: Value,
    path: string,
    output: Value,
    weightName: string,
    name: string,
    { inFeatures, outFeatures }: LinearOptions,
  ): void {
    const dims = [outFeatures, inFeatures] as const;
    const weight = this.#store(
      weightName,
      'float32',
      [inFeatures, outFeatures],
      () => this.#readTransposed(weightName, dims),
      `${name}.weight`,
      dims,
    );
    this.builder.emit('MatMul', [x, weight], { name: `${path}/MatMul`, outputs: [output] });
  }

  #fourBit(
    x: Value,
    path: string,
    output: Value,
    weightName: string,
    name: string,
    { inFeatures, outFeatures }: LinearOptions,
  ): void {
    const { blockSize, source } = this.#options;
    const blocks = Math.ceil(inFeatures / blockSize);
    const dims = [outFeatures, inFeatures] as const;
    let made: ReturnType<typeof quantizeToFourBits> | undefined;
    const quantized = (): NonNullable<typeof made> => {
      made ??= quantizeToFourBits(source, weightName, dims, blockSize);
      return made;
    };
    this.fourBitWeights.add(weightName);
    const weight = this.#store(
      weightName,
      'uint8',
      [outFeatures, blocks, blockSize / 2],
      () => quantized().packed,
      `${name}.weight_Q4`,
      dims,
    );
    const scales = this.#store(
      weightName,
      'float32',
      [outFeatures, blocks],
      () => bytesOf(quantized().scales),
      `${name}.weight_scales`,
      dims,
    );
    this.builder.emit('MatMulNBits', [x, weight, scales], {
      name: `${path}/MatMul_Q4`,
      domain: 'com.microsoft',
      attributes: { K: inFeatures, N: outFeatures, bits: 4, block_size: blockSize },
      outputs: [output],
    });
  }

  #store(
    sourceName: string,
    type: ElementType,
    dims: readonly number[],
    bytes: () => Uint8Array,
    name: string = sourceName,
    sourceDims: readonly number[] = dims,
  ): Value {
    if (this.builder.has(name)) return name;
    this.weightShapes.set(sourceName, sourceDims);
    this.builder.addInitializer(this.#options.store.add(name, type, dims, bytes));
    return name;
  }

  #read(name: string, dims: readonly number[]): Uint8Array {
    const values = new Float32Array(dims.reduce((product, size) => product * size, 1));
    this.#options.source(name, dims, 0, values);
    return bytesOf(values);
  }

  /** `[out, in]` at its source, `[in, out]` here; a few rows at a time. */
  #readTransposed(name: string, [outFeatures, inFeatures]: readonly [number, number]): Uint8Array {
    const transposed = new Float32Array(outFeatures * inFeatures);
    // As many rows as fill a cache line of each column.
    const rowsAtOnce = 16;
    for (let row = 0; row < outFeatures; row += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, outFeatures - row);
      const rows = new Float32Array(count * inFeatures);
      this.#options.source(name, [outFeatures, inFeatures], row * inFeatures, rows);
      for (let column = 0; column < inFeatures; column++) {
        const target = column * outFeatures + row;
        for (let index = 0; index < count; index++) {
          transposed[target + index] = rows[index * inFeatures + column] ?? 0;
        }
      }
    }
    return bytesOf(transposed);
  }

  /** `model.layers.0.self_attn.q_proj` is `/model/layers.0/self_attn/q_proj` for an exporter. */
  #nodePath(name: string): string {
    const path = `/${name.replaceAll('.', '/').replaceAll(/\/(\d+)(?=\/|$)/g, '.$1')}`;
    return this.#options.naming === 'genai' ? path.replace('/self_attn/', '/attn/') : path;
  }

  #resultOf(node: string): Value {
    return this.#options.naming === 'genai' ? `${node}/output_0` : `${node}_output_0`;
  }
}

/** A model without anything in it. IR version 8 goes with operator sets up to 20, and 10 from 21 on. */
export function emptyModel(opset: number, directory: string | undefined = undefined): OnnxModel {
  return {
    irVersion: opset > 20 ? 10 : 8,
    opsetImports: new Map([['', opset]]),
    graph: {
      name: 'main_graph',
      nodes: [],
      initializers: [],
      inputs: [],
      outputs: [],
      valueInfo: [],
      other: [],
    },
    metadata: new Map(),
    directory,
    other: [],
  };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
