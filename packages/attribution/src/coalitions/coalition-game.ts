import { AttributionError } from '../errors.js';
import type { Player } from '../players/player.js';
import { linkedValue, type ResolvedTarget, targetSum } from '../targets/resolve-target.js';
import type { Coalition } from './coalition.js';

/** What a table of scores belongs to; a table is only shared between equal ones. */
export interface GameIdentity {
  readonly model: object;
  readonly prompt: unknown;
  readonly baseline: string;
  readonly maskMode: string;
  readonly quantity: string;
  readonly completions: string;
}

/** Scores the completion tokens of prompts in which only some players are present: `[coalitions, tokens]`. */
export type CoalitionScorer = (coalitions: readonly Coalition[]) => Promise<Float64Array>;

/**
 * The cooperative game of a prompt: players are parts of it, the value of a coalition is the target F when the
 * others are absent. Every coalition is scored once; all perturbation methods and faithfulness metrics that are
 * given the same game share the table, so 16 forwards serve them all for four blocks.
 */
export class CoalitionGame {
  readonly players: readonly Player[];
  readonly target: ResolvedTarget;
  readonly identity: GameIdentity;
  readonly #score: CoalitionScorer;
  readonly #table: Map<string, Float64Array>;

  constructor(options: {
    players: readonly Player[];
    target: ResolvedTarget;
    identity: GameIdentity;
    score: CoalitionScorer;
    /** Tables are shared between games that differ in the target's weights or link only. */
    table?: Map<string, Float64Array>;
  }) {
    this.players = options.players;
    this.target = options.target;
    this.identity = options.identity;
    this.#score = options.score;
    this.#table = options.table ?? new Map();
  }

  /** Coalitions scored so far. */
  get size(): number {
    return this.#table.size;
  }

  /** The same table read under other weights or another link; the completions must be the same. */
  withTarget(target: ResolvedTarget): CoalitionGame {
    const { players, identity } = this;
    return new CoalitionGame({ players, target, identity, score: this.#score, table: this.#table });
  }

  /** @throws {AttributionError} `settings-mismatch` naming what differs. */
  requireIdentity(identity: GameIdentity): void {
    // The keys of the literal that `GameIdentity` describes.
    const keys = Object.keys(identity) as (keyof GameIdentity)[];
    const different = keys.filter((key) => identity[key] !== this.identity[key]);
    if (different.length === 0) return;
    throw new AttributionError(
      'settings-mismatch',
      `\`coalitions\` was prepared for another ${different.join(', ')}: prepare a table for these options.`,
    );
  }

  /** F of each coalition. */
  async values(coalitions: readonly Coalition[]): Promise<Float64Array> {
    const sums = await this.sums(coalitions);
    return sums.map((sum, index) =>
      linkedValue(this.target, sum, this.#describe(coalitions[index] ?? new Uint8Array())),
    );
  }

  /** Weighted sums of the token scores, before the link. */
  async sums(coalitions: readonly Coalition[]): Promise<Float64Array> {
    const rows = await this.#tokenScores(coalitions);
    return Float64Array.from(rows, (row) => targetSum(this.target, row));
  }

  async #tokenScores(coalitions: readonly Coalition[]): Promise<Float64Array[]> {
    const keys = coalitions.map(packKey);
    const missing = new Map<string, Coalition>();
    for (const [index, key] of keys.entries()) {
      const coalition = coalitions[index];
      if (coalition !== undefined && !this.#table.has(key)) missing.set(key, coalition);
    }
    if (missing.size > 0) {
      const scores = await this.#score([...missing.values()]);
      const width = this.target.tokenCount;
      let row = 0;
      for (const key of missing.keys()) {
        this.#table.set(key, scores.slice(row * width, (row + 1) * width));
        row++;
      }
    }
    return keys.map((key) => this.#table.get(key) ?? new Float64Array());
  }

  #describe(coalition: Coalition): string {
    const present = this.players
      .filter((_, index) => coalition[index] === 1)
      .map(({ name }) => name);
    if (present.length > 8) return `a coalition of ${present.length} players`;
    return `the coalition {${present.join(', ')}}`;
  }
}

/** 15 players a character: short keys even for thousands of players. */
function packKey(coalition: Coalition): string {
  let key = '';
  for (let start = 0; start < coalition.length; start += 15) {
    let bits = 1;
    for (let index = start; index < Math.min(start + 15, coalition.length); index++) {
      bits = (bits << 1) | coalition[index]!;
    }
    key += String.fromCharCode(bits);
  }
  return key;
}
