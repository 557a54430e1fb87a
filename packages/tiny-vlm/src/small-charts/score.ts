import { parseToolCalls, type RuleScorer, type ToolCall } from '@iapo/vqa-tools';
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
  if (call === undefined || parsed.calls.length !== 1)
    return { ...noCall, toolName: call?.name ?? null };
  return parsed.ok
    ? judgeParsedCall(task, call)
    : { ...judgeParsedCall(task, call), willRun: false, isRight: false };
}

const noCall: CallJudgement = {
  isCall: false,
  willRun: false,
  isRight: false,
  toolName: null,
  labels: [],
};

/** Judges a call that has been read; whether its tool is offered is judged as well. */
export function judgeParsedCall(
  task: SmallChartTask,
  call: Pick<ToolCall, 'name' | 'arguments'>,
): CallJudgement {
  const { name } = call;
  if (!isChartToolName(name) || !task.toolNames.includes(name)) {
    return { ...noCall, isCall: true, toolName: name };
  }
  const labels = [...new Set(labelsOf(name, call.arguments))];
  const known = new Set(task.content.items.map(({ label }) => label));
  const willRun =
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

/** {@link scoreAnswer} as a scorer of `@iapo/vqa-tools`; `answers` are a task's. */
export const smallChartScorer: RuleScorer = {
  name: 'small-charts',
  description: 'The right numbers and nothing else, in any order.',
  score: ({ prediction, answers }) => {
    if (prediction === null) return { score: null, reason: 'there is no prediction' };
    const text = typeof prediction === 'string' ? prediction : prediction.join(', ');
    const answer = (typeof answers === 'object' ? answers : [answers]).map(Number);
    return { score: scoreAnswer({ answer }, text) };
  },
};
