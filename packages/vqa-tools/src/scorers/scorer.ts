/** What a scorer is given. */
export interface ScoreInput {
  /**
   * The model's answer. `null`: there is none, because the episode failed; not to be confused with
   * an empty answer, which is wrong. A list where the scorer compares sets.
   */
  readonly prediction: string | readonly string[] | null;
  /** The right answer. What a list means (alternatives or a set) is the scorer's to say. */
  readonly answers: string | number | readonly string[];
  /** For scorers that show the question to a judge. */
  readonly question?: string;
  /** WikiTableQuestions: CoreNLP's canonical forms of `answers`, in the same order. */
  readonly canonicalAnswers?: readonly string[];
  /** ChartQAPro: whether each answer is a year and so must be exact. One flag stands for all. */
  readonly years?: readonly boolean[];
  /** CharXiv: 1 text in chart, 2 text in general, 3 number in chart, 4 number in general. */
  readonly answerType?: 1 | 2 | 3 | 4;
}

/** A score, or `null` with the reason why there is none. Never a number in place of a failure. */
export interface Score {
  readonly score: number | null;
  readonly reason?: string;
  /** Further numbers of the same comparison, such as FinTabNetQA's exact score. */
  readonly details?: Readonly<Record<string, number | string | boolean | null>>;
}

/** Decides whether an answer is right. */
export interface Scorer {
  readonly name: string;
  /** One line: the rule and where it comes from. */
  readonly description: string;
  score(input: ScoreInput): Score | Promise<Score>;
}

/** A scorer that needs nothing but the texts. */
export interface RuleScorer extends Scorer {
  score(input: ScoreInput): Score;
}

/** The prediction as one text: a list is joined with "|". */
export function predictionText(input: ScoreInput): string | null {
  const { prediction } = input;
  if (prediction === null || typeof prediction === 'string') return prediction;
  return prediction.join('|');
}

/** The answers as a list. */
export function answerList({ answers }: ScoreInput): readonly string[] {
  return typeof answers === 'string' || typeof answers === 'number' ? [String(answers)] : answers;
}

/** The score of a missing prediction. */
export const MISSING_PREDICTION: Score = { score: null, reason: 'there is no prediction' };
