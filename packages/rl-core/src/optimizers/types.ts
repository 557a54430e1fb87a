/** Arrays by name, e.g. the trainable parameters of a policy or their gradients. */
export type NamedArrays = Readonly<Record<string, Float32Array>>;

/** Everything that an optimizer remembers, as plain data: save it and give it back to `load`. */
export interface OptimizerState {
  /** Name of the optimizer that wrote it. */
  readonly optimizer: string;
  /** Updates so far, by parameter. */
  readonly steps: Readonly<Record<string, number>>;
  /** Arrays of the parameters' lengths, e.g. `mean/<name>`. */
  readonly arrays: NamedArrays;
}

/** Settings that hold for some parameters only; the first group that matches counts. */
export interface ParameterGroup {
  /** Parameters of the group, by name. */
  readonly match: (name: string) => boolean;
  /** Factor on the learning rate. Default 1. */
  readonly learningRateScale?: number;
  /** Instead of the optimizer's own. */
  readonly weightDecay?: number;
}

export interface StepOptions {
  /** Step size, before the groups' factors. */
  readonly learningRate: number;
  /** Factor on every gradient, e.g. from `gradientClipFactor`; saves a pass over memory. Default 1. */
  readonly gradientScale?: number;
}

/** Updates parameters in place. A parameter without a gradient is left alone, as in PyTorch. */
export interface Optimizer {
  readonly name: string;
  /** @throws {RlError} `shape-mismatch` when a gradient has another length than its parameter, `unknown-name` for a gradient without a parameter. */
  readonly step: (parameters: NamedArrays, gradients: NamedArrays, options: StepOptions) => void;
  /** The state; its arrays are the live ones, so write or copy them before the next step. */
  readonly state: () => OptimizerState;
  /** Takes over a state, copying its arrays. */
  readonly load: (state: OptimizerState) => void;
}
