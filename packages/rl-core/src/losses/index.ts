import { bnpo } from './bnpo.js';
import { cispo } from './cispo.js';
import { cispoTwoSided } from './cispo-two-sided.js';
import { clipCov } from './clip-cov.js';
import { dapo } from './dapo.js';
import { dppoKl } from './dppo-kl.js';
import { dppoTv } from './dppo-tv.js';
import { drGrpo } from './dr-grpo.js';
import { dro } from './dro.js';
import { dualClip } from './dual-clip.js';
import { geoMean } from './geo-mean.js';
import { gmpo } from './gmpo.js';
import { gpg } from './gpg.js';
import { grpo } from './grpo.js';
import { gspo } from './gspo.js';
import { gspoToken } from './gspo-token.js';
import { klCov } from './kl-cov.js';
import { luspo } from './luspo.js';
import { sapo } from './sapo.js';
import type { LossType } from './types.js';
import { vespo } from './vespo.js';

export type {
  LossRow,
  LossTerms,
  LossType,
  SelectionInput,
  Tally,
} from './types.js';

export type LossName =
  | 'grpo'
  | 'bnpo'
  | 'dr_grpo'
  | 'dapo'
  | 'luspo'
  | 'gspo'
  | 'gspo_token'
  | 'cispo'
  | 'cispo_two_sided'
  | 'sapo'
  | 'gmpo'
  | 'geo_mean'
  | 'vespo'
  | 'dual_clip'
  | 'clip_cov'
  | 'kl_cov'
  | 'dppo_tv'
  | 'dppo_kl'
  | 'dro'
  | 'gpg';

/** Every policy loss, by name. A new one is one file and one line here. */
export const lossTypes: Readonly<Record<LossName, LossType>> = {
  grpo,
  bnpo,
  dr_grpo: drGrpo,
  dapo,
  luspo,
  gspo,
  gspo_token: gspoToken,
  cispo,
  cispo_two_sided: cispoTwoSided,
  sapo,
  gmpo,
  geo_mean: geoMean,
  vespo,
  dual_clip: dualClip,
  clip_cov: clipCov,
  kl_cov: klCov,
  dppo_tv: dppoTv,
  dppo_kl: dppoKl,
  dro,
  gpg,
};
