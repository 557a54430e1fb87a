import { join } from 'node:path';
import { IapoError } from '../errors.js';
import type { AgentModel, AgentPrompt } from '../model/agent-model.js';
import type { TaskSource } from '../task.js';
import type { ScoreOptions } from '../train/score-episodes.js';
import { type EvaluateOptions, type Evaluation, evaluate } from './evaluate.js';
import { scorerOfSet } from './paper-sets.js';

/** Tasks that are scored alike. */
export interface EvaluationSet {
  readonly tasks: TaskSource;
  /** Default: the scorer of `paperSets` for one of their names, else that of the options. */
  readonly score?: ScoreOptions;
}

export interface SetsEvaluation {
  readonly sets: Readonly<Record<string, Evaluation>>;
  /** Mean of the sets' accuracies, each of equal weight as in the paper; `null` if a set has none. */
  readonly mean: number | null;
  /**
   * 95 % interval of the mean: ± 1.96 √(Σ s²/n) / sets, with the variance s² of the n scores of each set. `null`
   * where a set has fewer than two scores.
   */
  readonly interval: readonly [low: number, high: number] | null;
}

/**
 * Evaluates set by set.
 *
 * @param options.predictions A folder: `<set>.jsonl` for each.
 * @throws {IapoError} `missing-input` without a set; as {@link evaluate}.
 */
export async function evaluateSets<Prompt extends AgentPrompt>(
  model: AgentModel<Prompt>,
  sets: Readonly<Record<string, EvaluationSet>>,
  options: EvaluateOptions & {
    readonly onSet?: (name: string, evaluation: Evaluation) => void;
  } = {},
): Promise<SetsEvaluation> {
  const { predictions = null, onSet, ...shared } = options;
  const names = Object.keys(sets);
  if (names.length === 0) throw new IapoError('missing-input', '`sets` is empty.');
  const done: Record<string, Evaluation> = {};
  for (const name of names) {
    const { tasks, score } = sets[name]!;
    const scorer = scorerOfSet(name);
    const evaluation = await evaluate(model, tasks, {
      ...shared,
      score: { ...options.score, ...(scorer === null ? {} : { scorer }), ...score },
      predictions: predictions === null ? null : join(predictions, `${name}.jsonl`),
    });
    done[name] = evaluation;
    onSet?.(name, evaluation);
  }
  const evaluations = Object.values(done);
  const means = evaluations.flatMap(({ accuracy: { mean } }) => (mean === null ? [] : [mean]));
  if (means.length < names.length) return { sets: done, mean: null, interval: null };
  const mean = means.reduce((sum, value) => sum + value, 0) / names.length;
  const errors = evaluations.map(squaredError);
  const known = errors.filter((error) => error !== null);
  if (known.length < names.length) return { sets: done, mean, interval: null };
  const half = (1.96 * Math.sqrt(known.reduce((sum, error) => sum + error, 0))) / names.length;
  return { sets: done, mean, interval: [mean - half, mean + half] };
}

/** s²/n of a set's scores. */
function squaredError({ predictions, accuracy }: Evaluation): number | null {
  const scores = predictions.flatMap(({ score }) => (score === null ? [] : [score]));
  const n = scores.length;
  const { mean } = accuracy;
  if (n < 2 || mean === null) return null;
  return scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / (n - 1) / n;
}
