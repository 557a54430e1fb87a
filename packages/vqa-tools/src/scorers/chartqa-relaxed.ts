import { parseFloatPython, strip } from '../python/characters.js';
import { literalText, parseLiteral } from '../python/literal.js';
import { answerList, MISSING_PREDICTION, predictionText, type RuleScorer } from './scorer.js';

/** What differs between four readings of ChartQA's relaxed accuracy. */
interface RelaxedRule {
  readonly name: string;
  readonly source: string;
  /** Whether white space around the prediction is dropped. */
  readonly strips: boolean;
  /** Which number the 5 % are of, and which number's zero makes the comparison one of texts. */
  readonly relativeTo: 'answer' | 'prediction';
  /** Which answers count: all of them, the first, or all with a list in text opened. */
  readonly answers: 'all' | 'first' | 'all-opened';
}

/** Within 5 % of the answer, as the ChartQA paper says (Masry et al. 2022, §5.1). */
const TOLERANCE = 0.05;

function relaxedScorer(rule: RelaxedRule): RuleScorer {
  return {
    name: rule.name,
    description: `ChartQA relaxed accuracy as in ${rule.source}.`,
    score(input) {
      const text = predictionText(input);
      if (text === null) return MISSING_PREDICTION;
      const prediction = rule.strips ? strip(text) : text;
      const isRight = chooseAnswers(answerList(input), rule.answers).some((answer) =>
        rule.relativeTo === 'answer'
          ? isClose(prediction, { reference: answer })
          : isClose(answer, { reference: prediction }),
      );
      return { score: isRight ? 1 : 0 };
    },
  };
}

/** pix2struct's rule (google-research/pix2struct 945f27e9), the default: nothing is normalized. */
export const chartqa: RuleScorer = relaxedScorer({
  name: 'chartqa',
  source: 'pix2struct',
  strips: false,
  relativeTo: 'answer',
  answers: 'all',
});

/** lmms-eval 75571cfe: as pix2struct, with one answer a question. */
export const chartqaLmmsEval: RuleScorer = relaxedScorer({
  name: 'chartqa-lmms-eval',
  source: 'lmms-eval',
  strips: false,
  relativeTo: 'answer',
  answers: 'first',
});

/** VLMEvalKit e8e78f05: strips the prediction and opens an answer that is a Python list. */
export const chartqaVlmEvalKit: RuleScorer = relaxedScorer({
  name: 'chartqa-vlmevalkit',
  source: 'VLMEvalKit',
  strips: true,
  relativeTo: 'answer',
  answers: 'all-opened',
});

/** Qwen-VL aa00ed04: the arguments are swapped, so that the 5 % are of the prediction. */
export const chartqaQwenVl: RuleScorer = relaxedScorer({
  name: 'chartqa-qwen-vl',
  source: 'Qwen-VL',
  strips: true,
  relativeTo: 'prediction',
  answers: 'all',
});

/** abs(v − r) / abs(r) ≤ 0.05 for numbers with r ≠ 0, else equality without case. */
function isClose(value: string, { reference }: { reference: string }): boolean {
  const valueNumber = toNumber(value);
  const referenceNumber = toNumber(reference);
  if (valueNumber !== null && referenceNumber !== null && referenceNumber !== 0) {
    return Math.abs(valueNumber - referenceNumber) / Math.abs(referenceNumber) <= TOLERANCE;
  }
  return value.toLowerCase() === reference.toLowerCase();
}

/** A number in Python's syntax; one that ends in percent signs is a hundredth. */
function toNumber(text: string): number | null {
  if (!text.endsWith('%')) return parseFloatPython(text);
  let end = text.length;
  while (text[end - 1] === '%') end--;
  const value = parseFloatPython(text.slice(0, end));
  return value === null ? null : value / 100;
}

function chooseAnswers(
  answers: readonly string[],
  which: RelaxedRule['answers'],
): readonly string[] {
  if (which === 'first') return answers.slice(0, 1);
  if (which === 'all') return answers;
  const [only] = answers;
  const opened = answers.length === 1 && only !== undefined ? parseLiteral(only) : null;
  return opened?.type === 'list' ? opened.items.map(literalText) : answers;
}
