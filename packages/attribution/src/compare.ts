import { type Divergence, type DivergenceName, divergences } from './divergences/divergences.js';
import { AttributionError } from './errors.js';
import { lookUp } from './look-up.js';
import type { AttributionResult } from './result.js';
import {
  type Normalization,
  normalizations,
  normalizeScores,
  softmaxAbsWith,
  softmaxWith,
} from './scores/normalizations.js';

export interface CompareOptions {
  /** Default `kl`: KL(first ‖ second), the first being the student. */
  readonly divergence?: DivergenceName | Divergence;
  /** Needed only when a normalization of your own must be applied again because blocks were dropped. */
  readonly normalization?: Normalization;
  /** Settings that may differ, by the names that the refusal lists. Default: none. */
  readonly allow?: readonly string[];
}

/** Two distributions over the same blocks, and how far they are apart. */
export interface AttributionComparison {
  readonly divergence: string;
  readonly smoothing: number;
  /** In nats (total variation: in [0, 1]); `null` when it would measure nothing, see `reason`. */
  readonly value: number | null;
  /** Why `value` is `null`. */
  readonly reason: string | null;
  readonly blocks: readonly {
    readonly name: string;
    readonly first: number;
    readonly second: number;
  }[];
  /** Blocks that one side lacks, removed from both before normalizing again. */
  readonly dropped: readonly string[];
  /** False when a side failed its completeness check: drop such a sample from a reward. */
  readonly converged: boolean;
}

/**
 * Compares the block distributions of two results, e.g. of student and teacher. Blocks are matched by name, so the
 * tokenizers may differ; a block that one side lacks (no image) is dropped on both.
 *
 * @returns The divergence, or `null` with a reason when a side is degenerate or fewer than two blocks are left.
 * @throws {AttributionError} `settings-mismatch` when the results were made with different settings.
 */
export function compareAttributions(
  first: AttributionResult,
  second: AttributionResult,
  options: CompareOptions = {},
): AttributionComparison {
  refuseDifferences(first, second, options.allow ?? []);
  const divergence = lookUp<Divergence>('divergence', divergences, options.divergence ?? 'kl');
  const scores = (result: AttributionResult): Map<string, number> =>
    new Map(result.blocks.flatMap(({ name, score }) => (score === null ? [] : [[name, score]])));
  const [a, b] = [scores(first), scores(second)];
  const names = [...a.keys()].filter((name) => b.has(name));
  const dropped = [...new Set([...a.keys(), ...b.keys()])].filter((name) => !names.includes(name));
  const needsAgain = dropped.length > 0;
  const share = (
    result: AttributionResult,
    table: Map<string, number>,
  ): ReturnType<typeof normalizeScores> => {
    if (needsAgain) {
      const normalization = options.normalization ?? restoreNormalization(result);
      return normalizeScores(
        names.map((name) => table.get(name) ?? 0),
        normalization,
      );
    }
    const shares = new Map(result.blocks.map((block) => [block.name, block.share]));
    return { shares: names.map((name) => shares.get(name) ?? 0), degenerate: result.degenerate };
  };
  const [p, q] = [share(first, a), share(second, b)];
  const reason = explainNull(names.length, p.degenerate, q.degenerate);
  return {
    divergence: divergence.name,
    smoothing: divergence.smoothing,
    value: reason === null ? divergence.compute(p.shares, q.shares) : null,
    reason,
    blocks: names.map((name, index) => ({
      name,
      first: p.shares[index] ?? 0,
      second: q.shares[index] ?? 0,
    })),
    dropped,
    converged: first.completeness?.converged !== false && second.completeness?.converged !== false,
  };
}

function explainNull(blocks: number, first: string | null, second: string | null): string | null {
  if (blocks === 0) return 'the two results share no block';
  if (first !== null) return `first: ${first}`;
  if (second !== null) return `second: ${second}`;
  return null;
}

/** What must be equal for two distributions to be comparable. */
function describeSettings(result: AttributionResult): Record<string, unknown> {
  const { method, target, baseline, maskMode, reduce, normalize } = result;
  return {
    method: method.name,
    settings: method.settings,
    target: [target.name, target.quantity],
    tokenWeights: target.span,
    baseline,
    maskMode,
    reduce,
    normalize,
  };
}

function refuseDifferences(
  first: AttributionResult,
  second: AttributionResult,
  allow: readonly string[],
): void {
  const [a, b] = [describeSettings(first), describeSettings(second)];
  const different = Object.keys(a).filter(
    (name) => !allow.includes(name) && JSON.stringify(a[name]) !== JSON.stringify(b[name]),
  );
  if (different.length === 0) return;
  const details = different.map(
    (name) => `${name}: ${JSON.stringify(a[name])} and ${JSON.stringify(b[name])}`,
  );
  throw new AttributionError(
    'settings-mismatch',
    `The results were made with different settings (${details.join('; ')}). Make them alike, or list the names in \`allow\`.`,
  );
}

function restoreNormalization({
  normalize: { name, parameters },
}: AttributionResult): Normalization {
  const withParameters: Readonly<
    Record<string, (values: { temperature?: number }) => Normalization>
  > = {
    softmax: softmaxWith,
    softmaxAbs: softmaxAbsWith,
  };
  const make = Object.hasOwn(withParameters, name) ? withParameters[name] : undefined;
  return make?.(parameters) ?? lookUp<Normalization>('normalization', normalizations, name);
}
