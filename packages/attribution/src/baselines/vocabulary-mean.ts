import { callModel, requireLength } from '../call-model.js';
import { AttributionError } from '../errors.js';
import { type Baseline, fillRows } from './baseline.js';

/**
 * The mean row of the embedding table: a token that says nothing in particular.
 *
 * @param options.matchNorm Scales the mean to the median norm of the table's rows; default true. The mean of many
 *   rows is short, and a short row lies near the singularity that RMSNorm has at 0.
 */
export function vocabularyMeanWith({ matchNorm = true }: { matchNorm?: boolean } = {}): Baseline {
  return {
    name: 'vocabularyMean',
    parameters: { matchNorm },
    fill: async (context, baseline) => {
      const { model, hiddenSize, signal } = context;
      if (model.embeddingStatistics === undefined) {
        throw new AttributionError(
          'unsupported',
          'Baseline "vocabularyMean" needs `model.embeddingStatistics`, which this model lacks. Pass another baseline, e.g. "blockMean" or "zero".',
        );
      }
      const statistics = await callModel('embeddingStatistics', signal, () =>
        model.embeddingStatistics?.(),
      );
      requireLength('embeddingStatistics().mean', statistics?.mean, { H: hiddenSize });
      const mean = Float64Array.from(statistics?.mean ?? []);
      if (matchNorm) {
        const norm = Math.hypot(...mean);
        const wanted = statistics?.medianNorm ?? Number.NaN;
        if (!(norm > 0 && wanted > 0 && Number.isFinite(wanted / norm))) {
          throw new AttributionError(
            'degenerate',
            `The mean embedding (norm ${norm}) cannot be scaled to the median norm ${wanted}. Use vocabularyMeanWith({ matchNorm: false }).`,
          );
        }
        for (let index = 0; index < mean.length; index++) mean[index]! *= wanted / norm;
      }
      fillRows(context, baseline, mean);
    },
  };
}

export const vocabularyMean: Baseline = vocabularyMeanWith();
