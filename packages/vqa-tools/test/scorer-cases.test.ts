import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { answerExtractors } from '../src/scorers/extract/index.js';
import { scorers } from '../src/scorers/index.js';
import { normalizeTableText } from '../src/scorers/table-normalize.js';
import { referenceFile } from './reference-files.js';

// biome-ignore lint/suspicious/noExplicitAny: rows of a reference file, read field by field below
type Row = Record<string, any>;

function rows(name: string): Row[] {
  return readFileSync(referenceFile(`scorers/${name}`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('ChartQA, six implementations', () => {
  const columns = {
    correct_pix2struct: scorers.chartqa,
    correct_lmms_eval: scorers['chartqa-lmms-eval'],
    correct_vlmevalkit: scorers['chartqa-vlmevalkit'],
    correct_qwen_vl: scorers['chartqa-qwen-vl'],
    correct_lm_eval_core: scorers['chartqa-lm-eval'],
    score_chartqapro: scorers.chartqapro,
  };
  const cases = rows('chartqa-relaxed.jsonl');
  it.each(Object.entries(columns))('%s', (column, scorer) => {
    const wrong = cases.filter((row) => {
      const golds = Array.isArray(row.gold) ? row.gold : [row.gold];
      // lmms-eval and ChartQAPro take one gold; the reference gives them the first.
      const answers = column === 'score_chartqapro' ? golds[0] : golds;
      const { score } = scorer.score({ prediction: row.prediction, answers, years: [row.year] });
      // The file has six decimals.
      return Math.round((score ?? Number.NaN) * 1e6) / 1e6 !== row[column];
    });
    expect(wrong).toEqual([]);
    expect(cases.length).toBeGreaterThanOrEqual(120);
  });
});

describe('WikiTableQuestions', () => {
  const cases = rows('wtq.jsonl');
  const score = (row: Row, name: 'wikitablequestions', canonical: boolean) =>
    scorers[name].score({
      prediction: row.prediction,
      answers: row.gold,
      ...(canonical && { canonicalAnswers: row.goldCanon }),
    }).score === 1;

  it('agrees with the official evaluator', () => {
    expect(cases.filter((row) => score(row, 'wikitablequestions', true) !== row.correct)).toEqual(
      [],
    );
  });

  it('agrees with it without canonical forms', () => {
    expect(
      cases.filter((row) => score(row, 'wikitablequestions', false) !== row.correctWithoutCanon),
    ).toEqual([]);
  });

  it("agrees with TableVQA-Bench's copy, and scores 0 where that one stops", () => {
    const escapeItem = (text: string): string =>
      text.replaceAll('\\', '\\\\').replaceAll('|', '\\p').replaceAll('\n', '\\n');
    const wrong = cases.filter((row) => {
      // An empty list cannot be written in that format: "" is a list of one empty text.
      if (row.prediction.length === 0) return row.correctTableVQABench !== false;
      const { score: got, reason } = scorers['tablevqa-vwtq'].score({
        prediction: row.prediction.map(escapeItem).join('|'),
        answers: row.gold.map(escapeItem),
      });
      if (row.correctTableVQABench === 'error') return got !== 0 || reason === undefined;
      return (got === 1) !== row.correctTableVQABench;
    });
    expect(wrong).toEqual([]);
  });

  it('normalizes strings as the official evaluator', () => {
    const wrong = rows('wtq-normalize.jsonl').filter(
      (row) => normalizeTableText(row.input) !== row.normalized,
    );
    expect(wrong).toEqual([]);
  });
});

describe('TableVQA-Bench', () => {
  it('agrees with the published scores of GPT-4V', () => {
    const names = {
      vwtq: 'tablevqa-vwtq',
      vwtq_syn: 'tablevqa-vwtq',
      vtabfact: 'tablevqa-vtabfact',
      fintabnetqa: 'tablevqa-fintabnetqa',
    } as const;
    const wrong = rows('tablevqabench.jsonl').filter((row) => {
      const input = { prediction: row.prediction, answers: row.gold };
      const name = names[row.task as keyof typeof names];
      const { score, details } = scorers[name].score(input);
      return score !== row.correct || (row.exact !== undefined && details?.exact !== row.exact);
    });
    expect(wrong).toEqual([]);
  });
});

describe('VTool-R1 v1 rule reward', () => {
  it('agrees with the original, with null for NaN', () => {
    const wrong = rows('vtool-rule.jsonl').filter((row) => {
      const { score, reason } = scorers['vtool-rule'].score({
        prediction: row.prediction,
        answers: row.gold,
      });
      if (row.overall === 'nan') return score !== null || reason === undefined;
      return score !== row.overall;
    });
    expect(wrong).toEqual([]);
  });
});

describe('answer extraction', () => {
  const columns = {
    refocus_and_vtool_gpt_eval: answerExtractors.refocus,
    vtool_v1_reward: answerExtractors['vtool-v1-reward'],
    vtool_v2_reward: answerExtractors['vtool-v2-reward'],
    vtool_v2_eval: answerExtractors['vtool-v2-eval'],
    lm_eval_chartqa: answerExtractors['lm-eval'],
  };
  const cases = rows('answer-extraction.jsonl');
  it.each(Object.entries(columns))('%s', (column, extract) => {
    const wrong = cases
      .map((row) => ({ text: row.text, expected: row[column], got: extract(row.text) }))
      .filter(({ expected, got }) => got !== expected);
    expect(wrong).toEqual([]);
  });
});
