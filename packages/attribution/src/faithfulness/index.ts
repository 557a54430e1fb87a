import type { AttributionResult, CompletenessCheck } from '../result.js';
import { agreement } from './agreement.js';
import { infidelity } from './infidelity.js';
import { linearDatamodelingScore } from './linear-datamodeling-score.js';
import { maximumSensitivity } from './maximum-sensitivity.js';
import {
  comprehensiveness,
  insertion,
  leastRelevantFirst,
  mostRelevantFirst,
  sufficiency,
} from './removal-curves.js';
import { weightRandomization } from './weight-randomization.js';

export interface FaithfulnessMetrics {
  readonly comprehensiveness: typeof comprehensiveness;
  readonly sufficiency: typeof sufficiency;
  readonly mostRelevantFirst: typeof mostRelevantFirst;
  readonly leastRelevantFirst: typeof leastRelevantFirst;
  /** The same curve as `mostRelevantFirst`. */
  readonly deletion: typeof mostRelevantFirst;
  readonly insertion: typeof insertion;
  readonly linearDatamodelingScore: typeof linearDatamodelingScore;
  readonly infidelity: typeof infidelity;
  readonly maximumSensitivity: typeof maximumSensitivity;
  readonly completeness: (result: AttributionResult) => CompletenessCheck | null;
  readonly weightRandomization: typeof weightRandomization;
  readonly agreement: typeof agreement;
}

/**
 * Metrics that ask whether an explanation tells the truth about the model. Those on coalitions take the table that
 * the perturbation methods share, so they cost no further forwards for a few blocks.
 */
export const faithfulness: FaithfulnessMetrics = {
  comprehensiveness,
  sufficiency,
  mostRelevantFirst,
  leastRelevantFirst,
  deletion: mostRelevantFirst,
  insertion,
  linearDatamodelingScore,
  infidelity,
  maximumSensitivity,
  completeness: (result) => result.completeness,
  weightRandomization,
  agreement,
};
