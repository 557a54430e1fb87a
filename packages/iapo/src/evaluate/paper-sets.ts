import type { ScorerName } from '@iapo/vqa-tools';

/** The name of one of the paper's test sets. */
export type PaperSetName =
  | 'charxiv'
  | 'horizontal-bars'
  | 'vertical-bars'
  | 'vwtq'
  | 'vwtq-syn'
  | 'vtabfact';

/** One of the paper's test sets. */
export interface PaperSet {
  readonly title: string;
  /** ReFocus's file of it, with boxes where there are any; TableVQA-Bench and CharXiv publish others. */
  readonly file: string;
  readonly scorer: ScorerName;
}

/**
 * The six test sets of the paper by name, with the rule that scores each.
 *
 * CharXiv is scored by a language model; `charxiv-rule` stands in for it and its figure is none to report. Give
 * `score: { scorer: llmJudge(…) }` for that set.
 *
 * @see 2606.11652, experiments; ReFocus 2501.05452 and TableVQA-Bench 2404.19205 for the files.
 */
export const paperSets: Readonly<Record<PaperSetName, PaperSet>> = {
  charxiv: { title: 'CharXiv', file: 'charxiv-subfigures.json', scorer: 'charxiv-rule' },
  'horizontal-bars': {
    title: 'ChartQA, horizontal bars',
    file: 'chartQA_h_bar_wbb.json',
    scorer: 'chartqa',
  },
  'vertical-bars': {
    title: 'ChartQA, vertical bars',
    file: 'chartQA_v_bar_wbb.json',
    scorer: 'chartqa',
  },
  vwtq: { title: 'VWTQ', file: 'tablevqa_wbb.json', scorer: 'tablevqa-vwtq' },
  'vwtq-syn': { title: 'VWTQ-Syn', file: 'tablevqa-vwtq_syn_wbb.json', scorer: 'tablevqa-vwtq' },
  vtabfact: {
    title: 'VTabFact',
    file: 'tablevqa-vtabfact_wbb.json',
    scorer: 'tablevqa-vtabfact',
  },
};

/** The scorer of a set: the paper's for one of its names, else `null`. */
export function scorerOfSet(name: string): ScorerName | null {
  return Object.hasOwn(paperSets, name) ? paperSets[name as PaperSetName].scorer : null;
}
