import { abs } from './abs.js';
import { k1 } from './k1.js';
import { k2 } from './k2.js';
import { k3 } from './k3.js';
import { straightThrough } from './straight-through.js';
import { trlK3 } from './trl-k3.js';
import type { KlEstimator } from './types.js';

export type { KlEstimator } from './types.js';

export type KlEstimatorName =
  | 'k1'
  | 'abs'
  | 'k2'
  | 'k3'
  | 'trl_k3'
  | 'k1+'
  | 'abs+'
  | 'k2+'
  | 'k3+';

/** Every KL estimator, by name. A new one is one file and one line here. */
export const klEstimators: Readonly<Record<KlEstimatorName, KlEstimator>> = {
  k1,
  abs,
  k2,
  k3,
  trl_k3: trlK3,
  'k1+': straightThrough(k1),
  'abs+': straightThrough(abs),
  'k2+': straightThrough(k2),
  'k3+': straightThrough(k3),
};
