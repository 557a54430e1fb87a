import { chartqaLmEval } from './chartqa-lm-eval.js';
import { chartqa, chartqaLmmsEval, chartqaQwenVl, chartqaVlmEvalKit } from './chartqa-relaxed.js';
import { chartqapro } from './chartqapro.js';
import { charxivRule } from './charxiv-rule.js';
import type { RuleScorer } from './scorer.js';
import { tabfact } from './tabfact.js';
import { tablevqaFintabnetqa, tablevqaFintabnetqaExact } from './tablevqa-fintabnetqa.js';
import { tablevqaVtabfact } from './tablevqa-vtabfact.js';
import { tablevqaVwtq } from './tablevqa-vwtq.js';
import { vtoolRule } from './vtool-rule.js';
import { wikitablequestions } from './wikitablequestions.js';

/** The name of a rule scorer. */
export type ScorerName =
  | 'chartqa'
  | 'chartqa-lmms-eval'
  | 'chartqa-vlmevalkit'
  | 'chartqa-qwen-vl'
  | 'chartqa-lm-eval'
  | 'chartqapro'
  | 'wikitablequestions'
  | 'tablevqa-vwtq'
  | 'tablevqa-vtabfact'
  | 'tablevqa-fintabnetqa'
  | 'tablevqa-fintabnetqa-exact'
  | 'tabfact'
  | 'charxiv-rule'
  | 'vtool-rule';

/** The rule scorers by name. Adding one: a file and a line here. Judges are made by `llmJudge`. */
export const scorers: Readonly<Record<ScorerName, RuleScorer>> = {
  chartqa,
  'chartqa-lmms-eval': chartqaLmmsEval,
  'chartqa-vlmevalkit': chartqaVlmEvalKit,
  'chartqa-qwen-vl': chartqaQwenVl,
  'chartqa-lm-eval': chartqaLmEval,
  chartqapro,
  wikitablequestions,
  'tablevqa-vwtq': tablevqaVwtq,
  'tablevqa-vtabfact': tablevqaVtabfact,
  'tablevqa-fintabnetqa': tablevqaFintabnetqa,
  'tablevqa-fintabnetqa-exact': tablevqaFintabnetqaExact,
  tabfact,
  'charxiv-rule': charxivRule,
  'vtool-rule': vtoolRule,
};
