import { type EpisodeMessage, type ExecutedCall, visualTools } from '@iapo/vqa-tools';
import { describe, expect, test } from 'vitest';
import type { IapoTask } from '../task.js';
import { modelCallJudge, readGrade } from './model-call-judge.js';

const task: IapoTask = {
  id: 'task-1',
  answers: ['42'],
  toolNames: ['crop'],
  messages: [
    { role: 'system', content: [{ type: 'text', text: 'Use tools.' }] },
    { role: 'user', content: [{ type: 'text', text: 'How high is the red bar?' }] },
  ],
};

const call = (
  changes: Partial<ExecutedCall['call']> = {},
  outcome: ExecutedCall['outcome'] = { ok: true, text: null, imageIndex: 1 },
): ExecutedCall => ({
  call: {
    name: 'crop',
    arguments: { box: [0, 0, 10, 10] },
    spans: { call: { start: 0, end: 1 }, name: { start: 0, end: 1 }, arguments: [] },
    ...changes,
  },
  outcome,
});

/** Answers with the replies, one after the other. */
function judgeThatSays(...replies: (string | Error)[]) {
  const asked: (readonly EpisodeMessage[])[] = [];
  return {
    asked,
    encode: async (messages: readonly EpisodeMessage[]) => messages,
    chat: async (messages: readonly EpisodeMessage[]) => {
      asked.push(messages);
      const reply = replies[asked.length - 1] ?? '';
      if (reply instanceof Error) throw reply;
      return [{ text: reply }];
    },
  };
}

const textOf = (messages: readonly EpisodeMessage[] | undefined): string =>
  (messages ?? [])
    .flatMap(({ content }) => (typeof content === 'string' ? [content] : content))
    .map((part) => (typeof part === 'string' ? part : part.type === 'text' ? part.text : ''))
    .join('\n');

describe('the grade of a reply', () => {
  test.each([
    ['8', 0.8],
    ['10', 1],
    ['0', 0],
    ['7.5', 0.75],
    ['Grade: 3', 0.3],
    ['8/10', 0.8],
    ['9.', 0.9],
    ['11', null],
    ['-1', null],
    ['', null],
    ['I cannot say.', null],
    ['1e9', null],
    ['999999999999', null],
    [`${'very '.repeat(20)}7`, null],
  ])('%j is %j', (reply, grade) => {
    expect(readGrade(reply)).toBe(grade);
  });
});

describe('a model as a judge', () => {
  test('sees the question, the right answer, the tools that were offered and the call', async () => {
    const model = judgeThatSays('9');
    expect(await modelCallJudge(model)(call(), task)).toBe(0.9);
    const text = textOf(model.asked[0]);
    for (const part of [
      'How high is the red bar?',
      '"42"',
      '"crop"',
      '"box":[0,0,10,10]',
      'it ran',
    ])
      expect(text).toContain(part);
    expect(text).not.toContain('Use tools.');
    expect(text).not.toContain('"zoom"');
    expect(Object.keys(visualTools)).toContain('zoom');
  });

  test('hears why a call failed', async () => {
    const model = judgeThatSays('0');
    const failed = call({}, { ok: false, code: 'bad-argument', message: 'no such box' });
    expect(await modelCallJudge(model)(failed, task)).toBe(0);
    expect(textOf(model.asked[0])).toContain('it failed: no such box');
  });

  test('judges equal calls of a task once, and asks again for what it could not say', async () => {
    const model = judgeThatSays('no idea', '6', '2');
    const judge = modelCallJudge(model);
    expect(await judge(call(), task)).toBeNull();
    expect(await Promise.all([judge(call(), task), judge(call(), task)])).toEqual([0.6, 0.6]);
    expect(await judge(call({ arguments: { box: [1, 1, 2, 2] } }), task)).toBe(0.2);
    expect(model.asked).toHaveLength(3);
  });

  test('that fails gives no grade, or stops the run', async () => {
    const down = new Error('no connection');
    expect(await modelCallJudge(judgeThatSays(down))(call(), task)).toBeNull();
    const strict = modelCallJudge(judgeThatSays(down), { onFailure: 'stop' });
    await expect(strict(call(), task)).rejects.toThrow('no connection');
  });
});
