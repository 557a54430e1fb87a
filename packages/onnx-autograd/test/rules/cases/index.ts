import type { RuleCase } from '../../support/check-rule.js';
import { activationRuleCases } from './activations.js';
import { elementwiseCases } from './elementwise.js';
import { imageCases } from './images.js';
import { indexingCases } from './indexing.js';
import { movementCases } from './movement.js';
import { normalizationCases } from './normalizations.js';
import { productCases } from './products.js';
import { reductionCases } from './reductions.js';

export const allCases: readonly RuleCase[] = [
  ...elementwiseCases,
  ...activationRuleCases,
  ...productCases,
  ...movementCases,
  ...indexingCases,
  ...reductionCases,
  ...normalizationCases,
  ...imageCases,
];
