import { hashPixels, runToolCall, VqaToolError } from '@iapo/vqa-tools';
import { describe, expect, it } from 'vitest';
import { judgeCall, judgeParsedCall, scoreAnswer, smallChartScorer } from './score.js';
import { SmallCharts } from './small-charts.js';
import { chartToolNames, fitsPicture, labelsArgumentOf, smallChartTools } from './tools.js';

const tasks = new SmallCharts({ split: 'validation', seed: 'score' }).tasks(60);
const callOf = (name: string, argument: string, labels: readonly unknown[]): string =>
  `<tool_call>\n${JSON.stringify({ name, arguments: { [argument]: labels } })}\n</tool_call>`;
const nowhere = { start: 0, end: 0 };
const spans = { call: nowhere, name: nowhere, arguments: [] };

describe('smallChartTools', () => {
  it('run exactly the calls that judgeCall says will run, and leave the picture alone', async () => {
    let [ran, failed] = [0, 0];
    for (const task of tasks) {
      const before = hashPixels(task.image);
      for (const name of chartToolNames) {
        for (const labels of [
          task.rightLabels,
          ['Z'],
          [],
          [task.rightLabels[0]!, 'Z'],
          ['header'],
        ]) {
          const argument = labelsArgumentOf(name);
          const call = { name, arguments: { [argument]: labels }, spans };
          const judged = judgeCall(task, callOf(name, argument, labels));
          const options = { tools: smallChartTools, metadata: task.metadata };
          const result = runToolCall(call, task.image, options);
          if (fitsPicture(name, task.content.kind) && labels === task.rightLabels) {
            expect(hashPixels((await result).image ?? task.image)).not.toBe(before);
            expect(judged.willRun).toBe(task.toolNames.includes(name));
            expect(judged.isRight).toBe(judged.willRun);
            ran++;
          } else {
            await expect(result).rejects.toThrow(VqaToolError);
            expect(judged).toMatchObject({ willRun: false, isRight: false });
            failed++;
          }
        }
      }
      expect(hashPixels(task.image)).toBe(before);
    }
    expect(ran).toBe(60 * 3);
    expect(failed).toBe(60 * 27);
  });
});

describe('judgeCall', () => {
  const task = tasks.find(({ rightLabels }) => rightLabels.length === 2)!;
  const fitting = task.toolNames.find((name) => fitsPicture(name, task.content.kind))!;
  const argument = labelsArgumentOf(fitting);
  const others = task.content.items.map(({ label }) => label);

  it('takes right labels in any order, and wants them all and no more', () => {
    const isRight = (labels: readonly string[]): boolean =>
      judgeCall(task, callOf(fitting, argument, labels)).isRight;
    expect(isRight(task.rightLabels)).toBe(true);
    expect(isRight([...task.rightLabels].reverse())).toBe(true);
    expect(isRight(task.rightLabels.slice(1))).toBe(false);
    expect(isRight(others)).toBe(false);
  });

  it.each(['', '47', '<tool_call>\n{"name": "fo', '<tool_call>\n{}\n</tool_call>'])(
    'sees no usable call in %j',
    (text) => {
      expect(judgeCall(task, text)).toMatchObject({ willRun: false, isRight: false });
    },
  );

  it('says that a tool is called that is not offered', () => {
    const missing = chartToolNames.find((name) => !task.toolNames.includes(name))!;
    const text = callOf(missing, labelsArgumentOf(missing), task.rightLabels);
    expect(judgeCall(task, text)).toMatchObject({ isCall: true, willRun: false });
  });

  it('judges a call that was read as it judges its text', () => {
    for (const name of chartToolNames) {
      for (const labels of [task.rightLabels, others]) {
        const call = { name, arguments: { [labelsArgumentOf(name)]: labels } };
        const text = callOf(name, labelsArgumentOf(name), labels);
        expect(judgeParsedCall(task, call)).toEqual(judgeCall(task, text));
      }
    }
  });
});

describe('scoreAnswer', () => {
  it.each([
    ['47', [47], 1],
    [' 47. ', [47], 1],
    ['47', [48], 0],
    ['47, 12', [47, 12], 1],
    ['12 and 47', [47, 12], 1],
    ['47, 12', [47], 0],
    ['47', [47, 12], 0],
    ['47, 47', [47, 12], 0],
    ['the value is 47', [47], 0],
    ['4 7', [47], 0],
    ['', [47], 0],
    ['-47', [47], 0],
  ] as const)('%j for %j is %d', (text, answer, score) => {
    expect(scoreAnswer({ answer }, text)).toBe(score);
  });
});

describe('smallChartScorer', () => {
  it.each(tasks.slice(0, 5))('takes the answers of task $id', ({ answer, answers }) => {
    const score = (prediction: string | readonly string[] | null): number | null =>
      smallChartScorer.score({ prediction, answers }).score;
    expect(score(answer.join(', '))).toBe(1);
    expect(score(answers)).toBe(1);
    expect(score('0')).toBe(0);
    expect(score(null)).toBeNull();
  });
});
