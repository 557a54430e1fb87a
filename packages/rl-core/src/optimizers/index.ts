import { AdamW } from './adamw.js';
import { Lion } from './lion.js';
import { Sgd } from './sgd.js';
import type { Optimizer } from './types.js';

export { AdamW, type AdamWOptions } from './adamw.js';
export { GradientAccumulator, globalNorm, gradientClipFactor } from './gradients.js';
export { Lion, type LionOptions } from './lion.js';
export { Sgd, type SgdOptions } from './sgd.js';
export type {
  NamedArrays,
  Optimizer,
  OptimizerState,
  ParameterGroup,
  StepOptions,
} from './types.js';

export type OptimizerName = 'adamw' | 'sgd' | 'lion';

/** Every optimizer with its default options, by name. */
export const optimizers: Readonly<Record<OptimizerName, () => Optimizer>> = {
  adamw: () => new AdamW(),
  sgd: () => new Sgd(),
  lion: () => new Lion(),
};
