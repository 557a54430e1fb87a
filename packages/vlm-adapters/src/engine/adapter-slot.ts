import type { TensorLike } from '@iapo/onnx-autograd';
import {
  type Adapter,
  type AdapterConfig,
  fitAdapter,
  type LoraMatrix,
  matchTargets,
  matrixName,
  modulesOf,
} from '../lora/index.js';
import type { Branch } from './decoder.js';
import type { ModuleNode } from './linear-modules.js';
import type { Parameters } from './parameters.js';

/** The adapter that a model wears: its branches in the graph, and what is fed for them. */
export class AdapterSlot {
  readonly modules: readonly ModuleNode[];
  #config: AdapterConfig | null = null;
  #matrices: ReadonlyMap<string, LoraMatrix> = new Map();
  #branches: readonly Branch[] = [];

  constructor(modules: readonly ModuleNode[]) {
    this.modules = modules;
  }

  get adapter(): Adapter | null {
    return this.#config === null ? null : { config: this.#config, matrices: this.#matrices };
  }

  get branches(): readonly Branch[] {
    return this.#branches;
  }

  /** @throws {VlmError} `adapter` if it does not fit; the slot then keeps what it had. */
  set(adapter: Adapter | null): void {
    if (adapter === null) {
      [this.#config, this.#matrices, this.#branches] = [null, new Map(), []];
      return;
    }
    const { config, matrices } = fitAdapter(adapter, this.modules);
    const nodes = new Map(this.modules.map((node) => [node.module, node]));
    const names = modulesOf(matrices.keys());
    this.#branches = matchTargets(names, config).map(({ module, rank, scaling }) => ({
      output: nodes.get(module)?.output ?? '',
      name: matrixName(module, 'A').slice(0, -'.lora_A.weight'.length),
      rank,
      scaling,
    }));
    this.#config = config;
    this.#matrices = matrices;
  }

  /** The live matrices by PEFT's key. */
  parameters(): Record<string, Float32Array> {
    return Object.fromEntries([...this.#matrices].map(([name, { data }]) => [name, data]));
  }

  /** Feeds; with `enabled: false` every B is 0, which is the model without adapter. */
  feeds(enabled: boolean): Parameters {
    const feeds: Record<string, TensorLike> = {};
    for (const [name, { dims, data }] of this.#matrices) {
      const isOff = !enabled && name.endsWith('.lora_B.weight');
      feeds[name] = { type: 'float32', dims, data: isOff ? new Float32Array(data.length) : data };
    }
    return feeds;
  }
}
