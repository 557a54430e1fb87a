import type { Coalition } from '../coalitions/coalition.js';
import { AttributionError } from '../errors.js';

/** Means over orders, with the standard error of each mean (`null` for fewer than two independent draws). */
export interface OrderAverage {
  readonly scores: Float64Array;
  readonly standardErrors: Float64Array | null;
}

/**
 * Averages marginal contributions over orders in which players join one after the other.
 *
 * @param draws Independent draws; each holds one order, or an order and its reverse (antithetic pair), whose mean
 *   counts as one observation in the standard errors.
 */
export async function averageOrders(
  players: number,
  draws: readonly (readonly (readonly number[])[])[],
  values: (coalitions: Coalition[]) => Promise<Float64Array>,
): Promise<OrderAverage> {
  const coalitions: Coalition[] = [];
  for (const order of draws.flat()) {
    const present = new Uint8Array(players);
    coalitions.push(present.slice());
    for (const player of order) {
      present[player] = 1;
      coalitions.push(present.slice());
    }
  }
  const table = await values(coalitions);
  const mean = new Float64Array(players);
  const squares = new Float64Array(players);
  let row = 0;
  for (const [index, draw] of draws.entries()) {
    const observed = new Float64Array(players);
    for (const order of draw) {
      for (const player of order) {
        observed[player]! += (table[row + 1]! - table[row]!) / draw.length;
        row++;
      }
      row++;
    }
    for (let player = 0; player < players; player++) {
      const difference = observed[player]! - mean[player]!;
      mean[player]! += difference / (index + 1);
      squares[player]! += difference * (observed[player]! - mean[player]!);
    }
  }
  const count = draws.length;
  const standardErrors =
    count < 2 ? null : squares.map((sum) => Math.sqrt(sum / (count - 1) / count));
  return { scores: mean, standardErrors };
}

/** Checks that every order names every player once. */
export function checkOrders(orders: readonly (readonly number[])[], players: number): void {
  if (orders.length === 0) throw new AttributionError('bad-option', '`permutations` is empty.');
  for (const [index, order] of orders.entries()) {
    const seen = new Set(order);
    const isInRange = (player: number): boolean =>
      Number.isInteger(player) && player >= 0 && player < players;
    const isOrder = order.length === players && seen.size === players && order.every(isInRange);
    if (!isOrder) {
      throw new AttributionError(
        'bad-option',
        `\`permutations[${index}]\` must name each of the ${players} players once, got [${order.join(', ')}].`,
      );
    }
  }
}
