import { parseToolCalls } from '@iapo/vqa-tools';
import type { SmallChartTask } from './task.js';
import { fitsPicture, isChartToolName, labelsOf, smallChartTools } from './tools.js';

/** What a call is worth, before it is run. */
export interface CallJudgement {
  /** The text holds one call that can be read. */
  readonly isCall: boolean;
  /** The tool is offered and fits the picture, and all labels are there: it will run. */
  readonly willRun: boolean;
  /** It will run, and names exactly the labels that are asked about. */
  readonly isRight: boolean;
  readonly toolName: string | null;
  readonly labels: readonly string[];
}

/** Judges the first turn's text (Hermes' `<tool_call>`) against the task. */
export function judgeCall(task: SmallChartTask, text: string): CallJudgement {
  const offered = Object.fromEntries(
    Object.entries(smallChartTools).filter(([name]) =>
      task.toolNames.some((tool) => tool === name),
    ),
  );
  const parsed = parseToolCalls(text, { tools: offered });
  const call = parsed.calls[0];
  const name = call?.name ?? null;
  const nothing = { willRun: false, isRight: false, toolName: name, labels: [] };
  if (call === undefined || parsed.calls.length !== 1) return { isCall: false, ...nothing };
  if (name === null || !isChartToolName(name)) return { isCall: true, ...nothing };
  const labels = [...new Set(labelsOf(name, call.arguments))];
  const known = new Set(task.content.items.map(({ label }) => label));
  const willRun =
    parsed.ok &&
    fitsPicture(name, task.content.kind) &&
    labels.length > 0 &&
    labels.every((label) => known.has(label));
  const isRight =
    willRun &&
    labels.length === task.rightLabels.length &&
    task.rightLabels.every((label) => labels.includes(label));
  return { isCall: true, willRun, isRight, toolName: name, labels };
}

const answerForm = /^\s*\d+(?:\s*(?:,|and)\s*\d+)*\s*\.?\s*$/;

/**
 * 1 for the right numbers and nothing else ("47", "47, 12"), else 0. The order of two values does not
 * matter, as with lists in WikiTableQuestions' evaluator: what is asked for is a set of values.
 */
export function scoreAnswer(task: Pick<SmallChartTask, 'answer'>, text: string): 0 | 1 {
  if (!answerForm.test(text)) return 0;
  const ascending = (a: number, b: number): number => a - b;
  const said = (text.match(/\d+/g) ?? []).map(Number).sort(ascending);
  const right = [...task.answer].sort(ascending);
  return said.length === right.length && said.every((value, index) => value === right[index])
    ? 1
    : 0;
}
