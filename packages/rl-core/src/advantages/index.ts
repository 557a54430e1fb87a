import { batch } from './batch.js';
import { drGrpo } from './dr-grpo.js';
import { gae } from './gae.js';
import { gdpo } from './gdpo.js';
import { gpg } from './gpg.js';
import { group } from './group.js';
import { grpo } from './grpo.js';
import { grpoPassk } from './grpo-passk.js';
import { none } from './none.js';
import { opo } from './opo.js';
import { reinforcePlusPlus } from './reinforce-plus-plus.js';
import { reinforcePlusPlusBaseline } from './reinforce-plus-plus-baseline.js';
import { remax } from './remax.js';
import { rloo } from './rloo.js';
import type { AdvantageEstimator } from './types.js';
import { verlGdpo } from './verl-gdpo.js';

export type {
  AdvantageEstimator,
  AdvantageInput,
  AdvantageMetrics,
  AdvantageOptions,
  AdvantageResult,
} from './types.js';

export type AdvantageEstimatorName =
  | 'group'
  | 'batch'
  | 'none'
  | 'gdpo'
  | 'grpo'
  | 'dr_grpo'
  | 'rloo'
  | 'reinforce_plus_plus'
  | 'reinforce_plus_plus_baseline'
  | 'remax'
  | 'opo'
  | 'gpg'
  | 'grpo_passk'
  | 'verl_gdpo'
  | 'gae';

/** Every advantage estimator, by name: TRL's four, then verl's. A new one is one file and one line here. */
export const advantageEstimators: Readonly<Record<AdvantageEstimatorName, AdvantageEstimator>> = {
  group,
  batch,
  none,
  gdpo,
  grpo,
  dr_grpo: drGrpo,
  rloo,
  reinforce_plus_plus: reinforcePlusPlus,
  reinforce_plus_plus_baseline: reinforcePlusPlusBaseline,
  remax,
  opo,
  gpg,
  grpo_passk: grpoPassk,
  verl_gdpo: verlGdpo,
  gae,
};
