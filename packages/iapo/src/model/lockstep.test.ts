import { describe, expect, test } from 'vitest';
import { Lockstep } from './lockstep.js';

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('Lockstep', () => {
  test('joins what all members ask for, in their order, however fast each is', async () => {
    const batches: string[][] = [];
    const lockstep = new Lockstep<string, string>(3, async (batch) => {
      batches.push(batch.map(({ request }) => request));
      return batch.map(({ request }) => `${request}!`);
    });
    const play = async (member: number, turns: number, ms: number): Promise<string[]> => {
      const answers = [];
      for (let turn = 0; turn < turns; turn++) {
        await later(ms);
        answers.push(await lockstep.request(member, `${member}.${turn}`));
      }
      lockstep.leave();
      return answers;
    };
    const answers = await Promise.all([play(0, 2, 9), play(1, 1, 1), play(2, 3, 4)]);
    expect(answers).toEqual([['0.0!', '0.1!'], ['1.0!'], ['2.0!', '2.1!', '2.2!']]);
    expect(batches).toEqual([['0.0', '1.0', '2.0'], ['0.1', '2.1'], ['2.2']]);
  });

  test('hands a failure to every member that waits, and goes on with the next batch', async () => {
    let calls = 0;
    const lockstep = new Lockstep<number, number>(2, async (batch) => {
      calls += 1;
      if (calls === 1) throw new Error('session lost');
      return batch.map(({ request }) => request);
    });
    const both = await Promise.allSettled([lockstep.request(0, 1), lockstep.request(1, 2)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await Promise.all([lockstep.request(1, 4), lockstep.request(0, 3)])).toEqual([4, 3]);
  });

  test('handles those who wait when the last other member leaves', async () => {
    const lockstep = new Lockstep<string, string>(2, async (batch) =>
      batch.map(({ request }) => request),
    );
    const answer = lockstep.request(0, 'alone');
    lockstep.leave();
    expect(await answer).toBe('alone');
  });
});
