import { describe, it } from 'vitest';
import { type KlEstimatorName, klEstimators } from '../src/index.js';
import { expectAllClose } from './close.js';
import { cases } from './policy-cases.js';

describe('reference KL estimators', () => {
  it.each(cases.verl.kl_estimators)(
    'at $logp against $ref_logp',
    ({ logp, ref_logp, expected }) => {
      for (const [name, { value, grad }] of Object.entries(expected)) {
        const estimator = klEstimators[name as KlEstimatorName];
        expectAllClose(
          [estimator.value(logp, ref_logp), estimator.derivative(logp, ref_logp)],
          [value, grad],
          { atol: 1e-12, what: name },
        );
      }
    },
  );
});
