import { type Coalition, emptyCoalition, grandCoalition } from '../coalitions/coalition.js';
import type { CoalitionGame } from '../coalitions/coalition-game.js';
import { AttributionError } from '../errors.js';

/** F while players leave (or join) one after the other. */
export interface RemovalCurve {
  /** Players in the order in which they leave or join. */
  readonly order: readonly number[];
  /** M + 1 values of F, from the start to the end. */
  readonly curve: readonly number[];
  /** Area under the curve over [0, 1], by trapezoids. */
  readonly area: number;
}

/** One value for each size k, and their mean (AOPC). */
export interface SubsetScores {
  readonly sizes: readonly number[];
  readonly values: readonly number[];
  readonly mean: number;
}

/** Deletion: the highest scores leave first. A faithful attribution makes F fall early, so a small area is good. */
export function mostRelevantFirst(
  game: CoalitionGame,
  scores: readonly number[],
): Promise<RemovalCurve> {
  return followOrder(game, rankPlayers(game, scores), 'leave');
}

/** The lowest scores leave first: a large area is good. */
export function leastRelevantFirst(
  game: CoalitionGame,
  scores: readonly number[],
): Promise<RemovalCurve> {
  return followOrder(game, rankPlayers(game, scores).toReversed(), 'leave');
}

/** The highest scores join an empty prompt first: a large area is good. */
export function insertion(game: CoalitionGame, scores: readonly number[]): Promise<RemovalCurve> {
  return followOrder(game, rankPlayers(game, scores), 'join');
}

/**
 * F(x) − F(x without the k players of highest score): large is good.
 *
 * @param options.sizes Values of k. Default: 1 … M.
 * @see DeYoung et al., "ERASER", 2020, https://arxiv.org/abs/1911.03429 (which reads probabilities: use that target)
 */
export function comprehensiveness(
  game: CoalitionGame,
  scores: readonly number[],
  options: { sizes?: readonly number[] } = {},
): Promise<SubsetScores> {
  return scoreSubsets(game, scores, options, (top) =>
    grandCoalition(top.length).map((_, player) => 1 - top[player]!),
  );
}

/** F(x) − F(only the k players of highest score): small is good. */
export function sufficiency(
  game: CoalitionGame,
  scores: readonly number[],
  options: { sizes?: readonly number[] } = {},
): Promise<SubsetScores> {
  return scoreSubsets(game, scores, options, (top) => top);
}

async function scoreSubsets(
  game: CoalitionGame,
  scores: readonly number[],
  { sizes }: { sizes?: readonly number[] },
  choose: (top: Coalition) => Coalition,
): Promise<SubsetScores> {
  const order = rankPlayers(game, scores);
  const chosen = sizes ?? order.map((_, index) => index + 1);
  for (const size of chosen) {
    if (!Number.isInteger(size) || size < 0 || size > order.length) {
      throw new AttributionError(
        'bad-option',
        `\`sizes\` must be integers from 0 to ${order.length}, got ${size}.`,
      );
    }
  }
  const coalitions = chosen.map((size) => {
    const top = emptyCoalition(order.length);
    for (const player of order.slice(0, size)) top[player] = 1;
    return choose(top);
  });
  const [full = 0, ...rest] = await game.values([grandCoalition(order.length), ...coalitions]);
  const values = rest.map((value) => full - value);
  return {
    sizes: chosen,
    values,
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
  };
}

async function followOrder(
  game: CoalitionGame,
  order: readonly number[],
  change: 'leave' | 'join',
): Promise<RemovalCurve> {
  const current = change === 'leave' ? grandCoalition(order.length) : emptyCoalition(order.length);
  const coalitions = [current.slice()];
  for (const player of order) {
    current[player] = change === 'leave' ? 0 : 1;
    coalitions.push(current.slice());
  }
  const curve = Array.from(await game.values(coalitions));
  let area = 0;
  for (let index = 1; index < curve.length; index++) {
    area += (curve[index - 1]! + curve[index]!) / 2 / order.length;
  }
  return { order, curve, area };
}

/** Highest score first; of equal ones the earlier player. */
export function rankPlayers(game: CoalitionGame, scores: readonly number[]): number[] {
  if (scores.length !== game.players.length || !scores.every(Number.isFinite)) {
    throw new AttributionError(
      'bad-input',
      `\`scores\` must be one finite number a player: expected ${game.players.length}, got [${scores.slice(0, 8).join(', ')}].`,
    );
  }
  return scores.map((_, player) => player).sort((left, right) => scores[right]! - scores[left]!);
}
