import { enumerateCoalitions } from '../coalitions/coalition.js';
import type { CoalitionGame } from '../coalitions/coalition-game.js';
import { AttributionError } from '../errors.js';
import { createRandom } from '../random.js';
import { pearsonCorrelation, spearmanCorrelation } from '../statistics/correlation.js';
import { rankPlayers } from './removal-curves.js';

/** Players up to which all coalitions are used: 2^10 are as many as a careful sample would take. */
const mostEnumerated = 10;

/**
 * Linear datamodeling score: rank correlation, over coalitions S, between Σ_{j ∈ S} score_j and F(S). All coalitions
 * but the empty and the full one for up to 10 players, else `samples` random ones.
 *
 * @returns Correlations; `null` where one side is constant.
 * @see Park et al., "TRAK", 2023, https://arxiv.org/abs/2303.14186; as used by ContextCite
 */
export async function linearDatamodelingScore(
  game: CoalitionGame,
  scores: readonly number[],
  { samples = 64, seed = 0 }: { samples?: number; seed?: number } = {},
): Promise<{ spearman: number | null; pearson: number | null; coalitions: number }> {
  rankPlayers(game, scores); // checks the scores
  const players = scores.length;
  const random = createRandom(seed, 'linearDatamodelingScore');
  if (!Number.isInteger(samples) || samples < 2) {
    throw new AttributionError(
      'bad-option',
      `\`samples\` must be an integer of at least 2, got ${samples}.`,
    );
  }
  const coalitions =
    players <= mostEnumerated
      ? enumerateCoalitions(players, 'linearDatamodelingScore').slice(1, -1)
      : Array.from({ length: samples }, () =>
          Uint8Array.from(scores, () => (random.uniform() < 0.5 ? 1 : 0)),
        );
  const predicted = coalitions.map((coalition) =>
    coalition.reduce((sum, present, player) => sum + present * scores[player]!, 0),
  );
  const values = await game.values(coalitions);
  return {
    spearman: spearmanCorrelation(predicted, values),
    pearson: pearsonCorrelation(predicted, values),
    coalitions: coalitions.length,
  };
}
