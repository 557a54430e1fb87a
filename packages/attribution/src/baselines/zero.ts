import type { Baseline } from './baseline.js';

/**
 * All zeros, the usual choice in the literature. Ill-posed in models with RMSNorm, which forget the scale of their
 * input: F(αx) jumps near α = 0. The completeness delta shows it; `gradedGaussLegendre` cures it.
 */
export const zero: Baseline = {
  name: 'zero',
  fill: ({ rows, hiddenSize }, baseline) => {
    for (const token of rows) baseline.fill(0, token * hiddenSize, (token + 1) * hiddenSize);
  },
};
