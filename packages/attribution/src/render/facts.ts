import { type AttributionComparison, compareAttributions } from '../compare.js';
import { divergences } from '../divergences/divergences.js';
import type { AttributionResult } from '../result.js';
import { formatScore } from './escape.js';

/** What a reader must know to judge a drawing, as label and text. */
export function listFacts(result: AttributionResult): [string, string][] {
  const { method, model, target, baseline, normalize, completeness, cost, reduce } = result;
  const steps = result.steps === null ? '' : `, ${result.steps} steps`;
  const facts: [string, string][] = [
    ['Model', `${model.id} (${model.dtype})`],
    ['Method', `${method.name}${steps}, seed ${result.seed}`],
    ['Target', `${target.name}, tokens: ${target.span}`],
    ['Baseline', baseline === null ? 'none' : `text ${baseline.text}, image ${baseline.image}`],
    ['Scores', `${reduce}, then ${normalize.name}`],
    [
      'Cost',
      `${cost.forwards} forwards, ${cost.backwards} backwards, ${formatScore(cost.seconds)} s`,
    ],
  ];
  if (completeness !== null) {
    const { delta, relativeDelta, converged, tolerance } = completeness;
    const share =
      relativeDelta === null ? '' : `, ${(relativeDelta * 100).toFixed(1)} % of the difference`;
    const verdict = converged ? 'converged' : `NOT converged (tolerance ${tolerance * 100} %)`;
    facts.push(['Completeness', `delta ${formatScore(delta)}${share}: ${verdict}`]);
  }
  if (result.degenerate !== null)
    facts.push(['Degenerate', `${result.degenerate}; the shares mean nothing`]);
  if (result.excluded !== null) {
    const share =
      result.excluded.share === null ? '–' : `${(result.excluded.share * 100).toFixed(1)} %`;
    facts.push([
      'Excluded',
      `${result.excluded.tokens.length} tokens with ${share} of all |score|`,
    ]);
  }
  return facts;
}

/** The heading of a drawing. */
export function titleOf(result: AttributionResult, title: string | undefined): string {
  return title ?? `${result.method.name} of ${result.model.id}`;
}

/** KL and Jensen–Shannon against the teacher, as one line; `null` without a teacher. */
export function describeDivergence(
  student: AttributionResult,
  teacher: AttributionResult | undefined,
): string | null {
  if (teacher === undefined) return null;
  const kl = compareAttributions(student, teacher, { divergence: divergences.kl });
  const js = compareAttributions(student, teacher, { divergence: divergences.jensenShannon });
  const dropped = kl.dropped.length === 0 ? '' : `; without ${kl.dropped.join(', ')}`;
  return `KL(student ‖ teacher) ${number(kl)}, Jensen–Shannon ${number(js)}${dropped}`;
}

function number({ value, reason }: AttributionComparison): string {
  return value === null ? `not measured (${reason})` : `${formatScore(value)} nats`;
}
