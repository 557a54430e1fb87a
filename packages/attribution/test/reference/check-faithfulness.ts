import type { CoalitionGame } from '../../src/coalitions/coalition-game.js';
import { faithfulness } from '../../src/faithfulness/index.js';
import { expectClose } from '../close.js';

/** Compares every metric on coalitions with one record of the reference file. */
export async function checkFaithfulness(
  wanted: Record<string, unknown>,
  coalitions: CoalitionGame,
  scores: number[],
  where: string,
): Promise<void> {
  const check = (actual: unknown, name: string): void =>
    expectClose(actual, wanted[name], `${where}.${name}`);
  const deletion = await faithfulness.mostRelevantFirst(coalitions, scores);
  const least = await faithfulness.leastRelevantFirst(coalitions, scores);
  const insertion = await faithfulness.insertion(coalitions, scores);
  check(deletion.order, 'order');
  check(deletion.curve, 'morf');
  check(deletion.area, 'deletion_auc');
  check(least.curve, 'lerf');
  check(least.area, 'lerf_auc');
  check(least.area - deletion.area, 'lerf_minus_morf');
  check(insertion.curve, 'insertion');
  check(insertion.area, 'insertion_auc');
  const comprehensiveness = await faithfulness.comprehensiveness(coalitions, scores);
  check(comprehensiveness.values, 'comprehensiveness');
  check(comprehensiveness.mean, 'aopc_comprehensiveness');
  const sufficiency = await faithfulness.sufficiency(coalitions, scores);
  check(sufficiency.values, 'sufficiency');
  check(sufficiency.mean, 'aopc_sufficiency');
  const lds = await faithfulness.linearDatamodelingScore(coalitions, scores);
  check(lds.spearman, 'lds_spearman_all_nontrivial_coalitions');
  check(lds.pearson, 'pearson_all_nontrivial_coalitions');
}
