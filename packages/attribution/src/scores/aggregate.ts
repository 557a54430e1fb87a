import { AttributionError } from '../errors.js';
import { firstNonFinite } from '../first-non-finite.js';
import type { MethodScores } from '../methods/method.js';
import type { Player } from '../players/player.js';
import type { BlockScore } from '../result.js';
import { type Normalization, normalizeScores } from './normalizations.js';
import type { Reduction } from './reductions.js';

/**
 * Token scores from a method's scores: dimensions are reduced; a player's score is spread evenly over its tokens,
 * so that sums are kept; token scores pass the same reduction as vectors of length one.
 *
 * @throws {AttributionError} `model-output` for scores of the wrong length, `non-finite` for NaN or infinite ones.
 */
export function reduceToTokens(
  { level, scores }: MethodScores,
  {
    tokens,
    players,
    reduction,
    method,
  }: { tokens: number; players: readonly Player[]; reduction: Reduction; method: string },
): number[] {
  const broken = firstNonFinite(scores);
  if (broken >= 0) {
    throw new AttributionError(
      'non-finite',
      `Method "${method}" gave ${scores[broken]} at index ${broken} of its ${level}.`,
    );
  }
  const spread = level === 'players' ? spreadOverTokens(scores, players, tokens) : scores;
  const width = spread.length / tokens;
  const isShape = level === 'dimensions' ? Number.isInteger(width) && width > 0 : width === 1;
  if (!isShape) {
    throw new AttributionError(
      'model-output',
      `Method "${method}" gave ${scores.length} scores at level "${level}" for ${tokens} prompt tokens and ${players.length} players.`,
    );
  }
  return Array.from({ length: tokens }, (_, token) =>
    reduction.token.reduce(spread, token * width, (token + 1) * width),
  );
}

/** Block scores and their distribution; tokens in `excluded` count nowhere. */
export function aggregateBlocks(
  tokenScores: readonly number[],
  options: {
    names: readonly string[];
    blocks: readonly (string | null)[];
    excluded: ReadonlySet<number>;
    reduction: Reduction;
    normalization: Normalization;
  },
): { blocks: BlockScore[]; degenerate: string | null } {
  const { names, blocks, excluded, reduction, normalization } = options;
  const members = new Map<string, number[]>(names.map((name) => [name, []]));
  const sizes = new Map<string, number>();
  for (const [token, name] of blocks.entries()) {
    if (name === null) continue;
    sizes.set(name, (sizes.get(name) ?? 0) + 1);
    if (!excluded.has(token)) members.get(name)?.push(tokenScores[token]!);
  }
  const scored = names.map((name) => {
    const scores = members.get(name) ?? [];
    return {
      name,
      tokens: sizes.get(name) ?? 0,
      score: scores.length === 0 ? null : reduction.block.reduce(scores),
    };
  });
  const present = scored.flatMap(({ score }) => (score === null ? [] : [score]));
  const { shares, degenerate } = normalizeScores(present, normalization);
  let next = 0;
  return {
    blocks: scored.map((block) => ({
      ...block,
      share: block.score === null ? null : (shares[next++] ?? null),
    })),
    degenerate,
  };
}

function spreadOverTokens(
  scores: Float64Array,
  players: readonly Player[],
  tokens: number,
): Float64Array {
  if (scores.length !== players.length) return scores;
  const spread = new Float64Array(tokens);
  for (const [index, player] of players.entries()) {
    for (const token of player.tokens) spread[token] = scores[index]! / player.tokens.length;
  }
  return spread;
}
