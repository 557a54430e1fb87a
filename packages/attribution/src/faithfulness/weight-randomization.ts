import { attribute } from '../attribute.js';
import type { AttributionInput } from '../input.js';
import type { AttributionModel } from '../model.js';
import type { AttributeOptions } from '../options.js';
import { type Agreement, agreement } from './agreement.js';

/**
 * Sanity check: explains the same input with models whose weights were randomized (all, or layer by layer from the
 * top) and compares with the trained model. An attribution that hardly changes does not explain the model.
 *
 * @param randomized Models in the order of randomization.
 * @returns One agreement a randomized model; the rank correlations should drop toward 0.
 * @see Adebayo et al., "Sanity Checks for Saliency Maps", 2018, https://arxiv.org/abs/1810.03292
 */
export async function weightRandomization<Prompt>(
  model: AttributionModel<Prompt>,
  randomized: readonly AttributionModel<Prompt>[],
  input: AttributionInput<Prompt>,
  options: AttributeOptions = {},
): Promise<Agreement[]> {
  const trained = await attribute(model, input, options);
  const agreements: Agreement[] = [];
  for (const other of randomized)
    agreements.push(agreement(trained, await attribute(other, input, options)));
  return agreements;
}
