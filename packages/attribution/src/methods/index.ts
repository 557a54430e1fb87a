import { attentionRollout } from './attention-rollout.js';
import { attentionXGradient } from './attention-x-gradient.js';
import { banzhaf } from './banzhaf.js';
import { contextCite } from './context-cite.js';
import { gradientShap } from './gradient-shap.js';
import { guidedIntegratedGradients } from './guided-integrated-gradients.js';
import { idgi } from './idgi.js';
import { inclusion } from './inclusion.js';
import { inputXGradient } from './input-x-gradient.js';
import { integratedGradients } from './integrated-gradients.js';
import { kernelShap } from './kernel-shap.js';
import { leaveOneOut } from './leave-one-out.js';
import { lime } from './lime.js';
import type { AttributionMethod } from './method.js';
import { occlusion } from './occlusion.js';
import { owen } from './owen.js';
import { saliency } from './saliency.js';
import { sequentialIntegratedGradients } from './sequential-integrated-gradients.js';
import { shapley } from './shapley.js';
import { shapleySampling } from './shapley-sampling.js';
import { smoothGrad, smoothGradSquared } from './smooth-grad.js';
import { valueZeroing } from './value-zeroing.js';
import { varGrad } from './var-grad.js';

/** All built-in methods by name. A new one is one file and one line here. */
export const attributionMethods: Readonly<Record<AttributionMethodName, AttributionMethod>> = {
  saliency,
  inputXGradient,
  integratedGradients,
  idgi,
  sequentialIntegratedGradients,
  guidedIntegratedGradients,
  gradientShap,
  smoothGrad,
  smoothGradSquared,
  varGrad,
  leaveOneOut,
  inclusion,
  occlusion,
  shapley,
  shapleySampling,
  banzhaf,
  owen,
  kernelShap,
  lime,
  contextCite,
  attentionRollout,
  attentionXGradient,
  valueZeroing,
};

export type AttributionMethodName =
  | 'saliency'
  | 'inputXGradient'
  | 'integratedGradients'
  | 'idgi'
  | 'sequentialIntegratedGradients'
  | 'guidedIntegratedGradients'
  | 'gradientShap'
  | 'smoothGrad'
  | 'smoothGradSquared'
  | 'varGrad'
  | 'leaveOneOut'
  | 'inclusion'
  | 'occlusion'
  | 'shapley'
  | 'shapleySampling'
  | 'banzhaf'
  | 'owen'
  | 'kernelShap'
  | 'lime'
  | 'contextCite'
  | 'attentionRollout'
  | 'attentionXGradient'
  | 'valueZeroing';
