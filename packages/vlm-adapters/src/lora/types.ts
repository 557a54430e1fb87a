/** Which layers get a low-rank branch, and how large it is. Names and defaults are PEFT's. */
export interface LoraOptions {
  /** Rank of the branches. Default 8. */
  readonly r?: number;
  /** α: the branch is multiplied by α/r, or by α/√r with `rsLora`. Default 8. */
  readonly alpha?: number;
  /**
   * - a list: each entry is a module's name or the end of one, from a dot on (`'q_proj'`);
   * - a string: a regular expression in Python's syntax that must match the whole name;
   * - a `RegExp`: the same in JavaScript's syntax;
   * - `'all-linear'`: every linear layer but the output layer.
   */
  readonly targetModules: readonly string[] | string | RegExp;
  /** Rank-stabilized scaling α/√r (Kalajdzievski 2023). Default false. */
  readonly rsLora?: boolean;
  /** Ranks of modules that differ: by a regular expression that must match the name or its end from a dot on. */
  readonly rankPattern?: Readonly<Record<string, number>>;
  /** The same for α. */
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /** Modules that are left out: a list or a regular expression, matched as `targetModules`. */
  readonly excludeModules?: readonly string[] | string;
  /** With a list of targets: only in these layers, by the first number in a module's name. */
  readonly layersToTransform?: number | readonly number[];
  /** Names of the list that holds the layers, such as `'layers'`. Default: any. */
  readonly layersPattern?: string | readonly string[];
  /** Default 0: A is drawn from a stream of its own for each module. */
  readonly seed?: number;
}

/** A linear layer, by the name that PEFT has for it. */
export interface LinearModule {
  /** Such as `model.language_model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** A module that gets a branch. */
export interface LoraTarget {
  readonly module: string;
  readonly rank: number;
  readonly alpha: number;
  /** α/r or α/√r. */
  readonly scaling: number;
}

/** A matrix of an adapter. */
export interface LoraMatrix {
  /** `[rank, in]` for A, `[out, rank]` for B. */
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** What `adapter_config.json` says. */
export interface AdapterConfig {
  readonly r: number;
  readonly alpha: number;
  readonly targetModules: readonly string[] | string;
  readonly rsLora: boolean;
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
  readonly excludeModules: readonly string[] | string | null;
  readonly layersToTransform: number | readonly number[] | null;
  readonly layersPattern: string | readonly string[] | null;
  /** Name of the model it was trained on, as written in the file; nothing is loaded by it. */
  readonly baseModel: string | null;
  /** Every further key of the file, kept as it is. */
  readonly other: Readonly<Record<string, unknown>>;
}

/** A LoRA adapter: PEFT's two files as data. */
export interface Adapter {
  readonly config: AdapterConfig;
  /** By PEFT's key, `base_model.model.<module>.lora_A.weight`. */
  readonly matrices: ReadonlyMap<string, LoraMatrix>;
}
