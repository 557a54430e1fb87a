import {
  type EpisodeMessage,
  type ExecutedCall,
  type ToolTable,
  toolDefinitions,
  visualTools,
} from '@iapo/vqa-tools';
import type { IapoTask } from '../task.js';
import type { CallJudge } from './call-judge.js';

/** What is asked of a judge: a model that answers in words. An `OpenAiVlm` fits. */
export interface ChatModel<Prompt> {
  encode(messages: readonly EpisodeMessage[]): Promise<Prompt>;
  chat(
    prompt: Prompt,
    options: { readonly temperature: number; readonly maxNewTokens: number },
  ): Promise<readonly { readonly text: string }[]>;
}

export interface ModelCallJudgeOptions {
  /** Tools that calls may name, described to the judge. Default: all of `visualTools`. */
  readonly tools?: ToolTable;
  /** Tokens of a reply. Default 16: a number, and a word before it. */
  readonly maxNewTokens?: number;
  /** A judge that fails gives `null` for the call (default), which is counted, or stops the run. */
  readonly onFailure?: 'skip' | 'stop';
}

/** The highest grade. */
const best = 10;

const instructions = `You grade one step of an assistant that answers questions about pictures with tools. You see the picture, the question, its right answer, the tools, and one call. Grade only whether this call helps to answer this question: 0 for a call that hides what is needed, is about something else, or cannot run; ${best} for exactly the right tool with exactly the right arguments. Reply with one number from 0 to ${best} and nothing else.`;

/**
 * A judge of tool calls that asks a model for a grade from 0 to 10, for {@link callJudge}: TRM's setting
 * (openreview LnBEASInVr) with any capable model instead of a trained one. The model sees the task's messages, the
 * right answers, the tools and the call with what became of it; equal calls of a task are judged once.
 *
 * @returns Grades in [0, 1]; `null` for a reply without a grade.
 * @example
 * const server = new OpenAiVlm({ baseUrl: 'http://localhost:8000/v1', model: 'Qwen/Qwen2.5-VL-72B-Instruct' });
 * const rewards = [{ weight: 0.5, reward: callJudge(modelCallJudge(server)) }];
 */
export function modelCallJudge<Prompt>(
  model: ChatModel<Prompt>,
  options: ModelCallJudgeOptions = {},
): CallJudge {
  const { tools = visualTools, maxNewTokens = 16, onFailure = 'skip' } = options;
  const known = new Map<string, Promise<number | null>>();
  const ask = async (call: ExecutedCall, task: IapoTask): Promise<number | null> => {
    try {
      const prompt = await model.encode(judgeMessages(call, task, tools));
      const [reply] = await model.chat(prompt, { temperature: 0, maxNewTokens });
      return readGrade(reply?.text ?? '');
    } catch (error) {
      if (onFailure === 'stop') throw error;
      return null;
    }
  };
  return (call, task) => {
    const { name, arguments: given } = call.call;
    const key = JSON.stringify([task.id, name, given, call.outcome.ok]);
    const earlier = known.get(key);
    if (earlier !== undefined) return earlier;
    const grade = ask(call, task);
    known.set(key, grade);
    // What failed is asked again when it comes back.
    grade.then(
      (value) => value === null && known.delete(key),
      () => known.delete(key),
    );
    return grade;
  };
}

/** The first number of a reply, if it is a grade. */
export function readGrade(reply: string): number | null {
  const number = /^[^\d.-]{0,40}(-?\d{1,3}(?:\.\d{1,4})?)(?![\de]|\.\d)/.exec(reply)?.[1];
  const grade = number === undefined ? Number.NaN : Number(number);
  return grade >= 0 && grade <= best ? grade / best : null;
}

function judgeMessages(call: ExecutedCall, task: IapoTask, tools: ToolTable): EpisodeMessage[] {
  const { name, arguments: given } = call.call;
  const { outcome } = call;
  const facts = {
    rightAnswer: task.answers,
    tools: toolDefinitions(tools, task.toolNames).map((tool) => tool.function),
    call: { name, arguments: given },
    result: outcome.ok ? 'it ran' : `it failed: ${outcome.message}`,
  };
  return [
    { role: 'system', content: [{ type: 'text', text: instructions }] },
    // Instructions to the student are not for the judge.
    ...task.messages.filter(({ role }) => role !== 'system'),
    // As JSON, so that what a student wrote cannot pass for something else.
    { role: 'user', content: [{ type: 'text', text: JSON.stringify(facts) }] },
  ];
}
