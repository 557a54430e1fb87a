import { callModel, requireLength } from '../call-model.js';
import { AttributionError } from '../errors.js';
import type { FloatArray } from '../model.js';
import { type Baseline, type BaselineContext, fillRows } from './baseline.js';

/**
 * The embedding of one token of the vocabulary.
 *
 * @param options.id Default 0, as Captum's `TextTokenInput`; in GPT-2-style vocabularies that is "!".
 */
export function tokenWith({ id = 0 }: { id?: number } = {}): Baseline {
  return {
    name: 'token',
    parameters: { id },
    fill: (context, baseline) => fillWithToken('token', id, context, baseline),
  };
}

export const token: Baseline = tokenWith();

/** The embedding of the model's padding token. */
export const pad: Baseline = {
  name: 'pad',
  fill: (context, baseline) => {
    const id = context.model.padTokenId;
    if (id === undefined) {
      throw new AttributionError(
        'unsupported',
        'Baseline "pad" needs `model.padTokenId`, which this model lacks.',
      );
    }
    return fillWithToken('pad', id, context, baseline);
  },
};

async function fillWithToken(
  name: string,
  id: number,
  context: BaselineContext,
  baseline: FloatArray,
): Promise<void> {
  const { model, hiddenSize, signal } = context;
  if (model.embedTokens === undefined) {
    throw new AttributionError(
      'unsupported',
      `Baseline "${name}" needs \`model.embedTokens\`, which this model lacks.`,
    );
  }
  const row = await callModel('embedTokens', signal, () => model.embedTokens?.([id]));
  requireLength('embedTokens', row, { tokens: 1, H: hiddenSize });
  fillRows(context, baseline, row ?? []);
}
