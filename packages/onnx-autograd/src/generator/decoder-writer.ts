import type { ElementType } from '../codec/element-types.js';
import type { Dimension, OnnxModel, ValueInfo } from '../codec/model.js';
import { GraphBuilder, type Value } from '../graph/graph-builder.js';
import { Operations } from '../graph/operations.js';
import type { ResolvedDecoderOptions } from './decoder-options.js';
import { constantWeights, fourBitScale, randomBytes, uniformWeights } from './random-weights.js';
import type { WeightStore } from './weight-store.js';

/** An empty model of the operator sets that generated graphs use. */
export function emptyModel(directory: string | undefined, opset: number): OnnxModel {
  return {
    irVersion: opset > 20 ? 10 : 8,
    opsetImports: new Map([['', opset]]),
    graph: {
      name: 'decoder',
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

/** What the blocks of a decoder are written with: operators, and weights by their Hugging Face names. */
export class DecoderWriter {
  readonly builder: GraphBuilder;
  readonly ops: Operations;
  readonly options: ResolvedDecoderOptions;
  readonly #store: WeightStore;
  readonly #outputs: ValueInfo[] = [];

  constructor(options: ResolvedDecoderOptions, store: WeightStore, directory: string | undefined) {
    this.options = options;
    this.builder = new GraphBuilder(emptyModel(directory, 18));
    this.ops = new Operations(this.builder);
    this.#store = store;
  }

  input(name: string, type: ElementType, shape: readonly Dimension[]): Value {
    this.builder.addInput({ name, type, shape, encodedType: undefined, other: [] });
    return name;
  }

  /** Gives a value a name under which it leaves the graph. */
  output(value: Value, name: string, shape: readonly Dimension[]): void {
    if (value !== name) this.builder.emit('Identity', [value], { outputs: [name] });
    this.#outputs.push({ name, type: 'float32', shape, encodedType: undefined, other: [] });
  }

  /** x W (+ b): a weight `[in, out]`, or 4-bit numbers `[out, in / block, block / 2]`. */
  linear(
    x: Value,
    name: string,
    sizes: readonly [inFeatures: number, outFeatures: number],
    hasBias = false,
  ): Value {
    const product =
      this.options.weights === 'q4' ? this.#fourBit(x, name, sizes) : this.#float(x, name, sizes);
    if (!hasBias) return product;
    const bias = this.weight(
      `${name}.bias`,
      [sizes[1]],
      uniformWeights(this.options.seed, `${name}.bias`, 0.02),
    );
    return (
      this.builder.emit('Add', [product, bias], { outputs: [this.#valueName(`${name}.Add`)] })[0] ??
      ''
    );
  }

  /** Scales of a norm: all one. */
  normScale(name: string, size: number): Value {
    return this.weight(`${name}.weight`, [size], constantWeights(1));
  }

  weight(
    name: string,
    dims: readonly number[],
    fill: (bytes: Uint8Array) => void,
    type: ElementType = 'float32',
  ): Value {
    this.builder.addInitializer(this.#store.add(name, type, dims, fill));
    return name;
  }

  build(): OnnxModel {
    return this.builder.build({ outputs: this.#outputs });
  }

  #float(x: Value, name: string, sizes: readonly [number, number]): Value {
    const fill = uniformWeights(this.options.seed, name, 1 / Math.sqrt(sizes[0]));
    const weight = this.weight(`${name}.weight`, sizes, fill);
    return (
      this.builder.emit('MatMul', [x, weight], {
        outputs: [this.#valueName(`${name}.MatMul`)],
      })[0] ?? ''
    );
  }

  #fourBit(x: Value, name: string, [inFeatures, outFeatures]: readonly [number, number]): Value {
    const { blockSize, seed } = this.options;
    const blocks = Math.ceil(inFeatures / blockSize);
    const dims = [outFeatures, blocks, blockSize / 2];
    const quantized = this.weight(`${name}.weight_Q4`, dims, randomBytes(seed, name), 'uint8');
    const scale = fourBitScale(1 / Math.sqrt(inFeatures));
    const scales = this.weight(
      `${name}.weight_scales`,
      [outFeatures, blocks],
      constantWeights(scale),
    );
    const [result = ''] = this.builder.emit('MatMulNBits', [x, quantized, scales], {
      domain: 'com.microsoft',
      attributes: { K: inFeatures, N: outFeatures, bits: 4, block_size: blockSize },
      outputs: [this.#valueName(`${name}.MatMul`)],
    });
    return result;
  }

  /** Values are called as exporters call them: `/model/layers.0/self_attn/q_proj/MatMul_output_0`. */
  #valueName(path: string): Value {
    const name = `/${path.replaceAll('.', '/').replaceAll(/\/(\d+)\//g, '.$1/')}_output_0`;
    return this.builder.freshName(name);
  }
}
