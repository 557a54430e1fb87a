import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  answerExtractors,
  judgePrompts,
  llmJudge,
  scorers,
  summarizeScores,
  tablevqaAccuracy,
} from '../src/index.js';
import { floatText, parseFloatPython, parseIntPython } from '../src/python/characters.js';
import { literalText, parseLiteral } from '../src/python/literal.js';
import { anls } from '../src/scorers/anls.js';
import { leastCpuMs } from './support/cpu-time.js';

describe('every rule scorer', () => {
  it.each(Object.entries(scorers))(
    '%s: no prediction is no score, not 0, except where the original says so',
    (name, scorer) => {
      expect(scorer.name).toBe(name);
      const { score, reason } = scorer.score({ prediction: null, answers: '1' });
      if (name === 'tablevqa-vtabfact') expect(score).toBe(0);
      else expect([score, reason]).toEqual([null, 'there is no prediction']);
    },
  );
  it.each(Object.entries(scorers))('%s: takes hostile text in no time', (_name, scorer) => {
    const texts = [
      '[1]'.repeat(10_000),
      '"'.repeat(30_000),
      ' (a)'.repeat(8000),
      `FINAL ANSWER:${' '.repeat(30_000)}x\ny`,
      '['.repeat(30_000),
      '%'.repeat(30_000),
      "['a',".repeat(6000),
      '9'.repeat(30_000),
      'a '.repeat(15_000),
    ];
    for (const text of texts) {
      for (const answers of [text, '1']) {
        const { score } = scorer.score({ prediction: text, answers });
        expect(score === null || Number.isFinite(score)).toBe(true);
        const ms = leastCpuMs(() => scorer.score({ prediction: text, answers }), 2);
        expect(ms, text.slice(0, 20)).toBeLessThan(400);
      }
    }
  });
  it.each(Object.entries(answerExtractors))(
    '%s: extracts from hostile text in no time',
    (_name, extract) => {
      for (const piece of [
        'FINAL ANSWER:',
        'FINAL ANSWER: \n',
        'answer:',
        '\\boxed{',
        '<answer>',
        ' ',
        'answer***',
        'FINAL ANSWER: . ',
      ]) {
        const start = performance.now();
        extract(piece.repeat(Math.ceil(30_000 / piece.length)));
        extract(`FINAL ANSWER:${piece.repeat(Math.ceil(30_000 / piece.length))}\nx`);
        expect(performance.now() - start).toBeLessThan(300);
      }
    },
  );
});

describe('tabfact', () => {
  it.each([
    ['True.', '1', 1],
    ['yes', '1', 1],
    ['refuted', '1', 0],
    ['false', '0', 1],
    ['untrue', '1', 0],
    ['maybe', '0', 0],
    ['true or false', '1', null],
  ])('%s against %s is %s', (prediction, answers, score) => {
    expect(scorers.tabfact.score({ prediction, answers }).score).toBe(score);
  });
});

describe('charxiv-rule', () => {
  it.each([
    ['1.5e3', '1500', 3, 1],
    ['1,500', '1500', 4, 1],
    ['1.5 \\times 10^{3}', '1500', 3, 1],
    ['1501', '1500', 3, 0],
    ['many', '3', 4, 0],
    ['α', 'alpha', 1, 1],
    ['$\\alpha$', 'alpha', 1, 1],
    ['x', 'y', 2, 0],
    ['3', 'three', 4, null],
  ] as const)('%s against %s (type %i) is %s', (prediction, answers, answerType, score) => {
    expect(scorers['charxiv-rule'].score({ prediction, answers, answerType }).score).toBe(score);
  });
});

describe("Python's numbers and literals", () => {
  it.each([
    ['1_000', 1000],
    ['1__0', null],
    ['_1', null],
    ['+ 5', null],
    ['\x855', 5],
    ['\x1c5', null],
    ['١٢.٥', 12.5],
    ['1.e5', 1e5],
    ['.e5', null],
    ['0x10', null],
    ['1e5_0', 1e50],
    ['\ufeff5', null],
    ['𝟙𝟚', 12],
  ])('float(%j) is %s', (text, value) => expect(parseFloatPython(text)).toBe(value));
  it('differs between the versions as they do', () => {
    expect(parseFloatPython('1_0', 2)).toBeNull();
    expect(parseIntPython('+ 5', 2)).toBe(5n);
    expect(parseIntPython('+ 5', 3)).toBeNull();
    expect(parseFloatPython('\x1c5', 2)).toBe(5);
  });
  it.each([
    [1e16, '1e+16'],
    [123456789012345.0, '123456789012345.0'],
    [1e-5, '1e-05'],
    [0.0001, '0.0001'],
    [-0, '-0.0'],
    [1.5, '1.5'],
  ])('repr(%d) is %s', (value, text) => expect(floatText(value)).toBe(text));
  it.each([
    [
      "['a', \"b\" 'c', 3, -2.50, None, (1,), {'k': True}]",
      ['a', 'bc', '3', '-2.5', 'None', '(1,)', "{'k': True}"],
    ],
    ['[1_0, 0x1f, 1e16]', ['10', '31', '1e+16']],
    ["['\\x41\\n', r'\\n']", ['A\n', '\\n']],
  ])('reads %s', (text, items) => {
    const parsed = parseLiteral(text);
    expect(parsed?.type === 'list' && parsed.items.map(literalText)).toEqual(items);
  });
  it.each(['[a]', '[1,,2]', '[1', '[007]', "['a]", '[1] x', '[f()]', ''])('refuses %s', (text) => {
    expect(parseLiteral(text)).toBeNull();
  });
});

describe('anls', () => {
  it('is 1 − distance/length above the half, else 0', () => {
    // "kitten" to "sitting" takes 3 edits of 7 characters.
    expect(anls('kitten', 'sitting')).toBeCloseTo(1 - 3 / 7, 12);
    expect(anls('ab', 'xb')).toBe(0);
    expect(anls('', '')).toBe(1);
    expect(anls(' A  b', 'a b')).toBe(1);
  });
});

describe('summarizeScores', () => {
  it("gives Wilson's interval for binary scores", () => {
    const scores = [
      ...Array.from({ length: 8 }, () => ({ score: 1 })),
      { score: 0 },
      { score: 0 },
      { score: null },
    ];
    const { mean, interval, unscorable, meanWithUnscorableAsWrong } = summarizeScores(scores);
    expect([mean, unscorable, meanWithUnscorableAsWrong]).toEqual([0.8, 1, 8 / 11]);
    // 8 of 10: the textbook's 0.4902 to 0.9433.
    expect(interval?.[0]).toBeCloseTo(0.4902, 4);
    expect(interval?.[1]).toBeCloseTo(0.9433, 4);
  });
  it('gives none where there is nothing to average', () => {
    expect(summarizeScores([{ score: null }])).toMatchObject({
      mean: null,
      interval: null,
      unscorable: 1,
    });
    expect(summarizeScores([{ score: 0.5 }])).toMatchObject({ mean: 0.5, interval: null });
    expect(tablevqaAccuracy([{ score: 1 }, { score: null }])).toBe(50);
  });
});

describe('llmJudge', () => {
  let server: Server;
  let baseUrl = '';
  let replies: (string | number)[] = [];
  const requests: { body: string; authorization: string | undefined }[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        requests.push({
          body: Buffer.concat(chunks).toString(),
          authorization: request.headers.authorization,
        });
        const reply = replies.shift() ?? 500;
        response.statusCode = typeof reply === 'number' ? reply : 200;
        response.end(
          typeof reply === 'number'
            ? 'broken'
            : JSON.stringify({ choices: [{ message: { content: reply } }] }),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  });
  afterAll(() => server.close());
  const judge = (options = {}) =>
    llmJudge({ baseUrl, model: 'judge', apiKey: 'key', retryDelayMs: 1, ...options });
  const input = { prediction: '69%', answers: '69', question: 'How much?' };

  it('asks at temperature 0 and reads the digit', async () => {
    replies = ['1'];
    expect(await judge().score(input)).toMatchObject({ score: 1 });
    expect(requests.at(-1)?.authorization).toBe('Bearer key');
    expect(JSON.parse(requests.at(-1)?.body ?? '')).toMatchObject({
      model: 'judge',
      temperature: 0,
      messages: [{ role: 'user' }],
    });
    replies = ['0'];
    expect((await judge().score(input)).score).toBe(0);
  });
  it('tries again after errors and unreadable replies', async () => {
    replies = [503, 'maybe', '1'];
    expect((await judge().score(input)).score).toBe(1);
  });
  it('gives null with the reason, never 0, when it fails', async () => {
    replies = [];
    const down = await judge({ retries: 1 }).score(input);
    expect(down).toMatchObject({ score: null, reason: expect.stringContaining('HTTP 500') });
    replies = ['10 out of 10', '10 out of 10'];
    expect(await judge({ retries: 1 }).score(input)).toMatchObject({
      score: null,
      reason: expect.stringContaining('cannot be read'),
    });
    const nowhere = llmJudge({ baseUrl: 'http://127.0.0.1:9/v1', model: 'x', retries: 0 });
    expect((await nowhere.score(input)).score).toBeNull();
    expect(await judge().score({ ...input, prediction: null })).toEqual({
      score: null,
      reason: 'there is no prediction',
    });
    expect(() => llmJudge({ baseUrl: 'nowhere', model: 'x' })).toThrow(/baseUrl/);
  });
  it("reads CharXiv's JSON", async () => {
    replies = ['```json\n{"extracted_answer": "alpha", "score": 1}\n```'];
    const charxiv = judge({ prompt: judgePrompts.charxiv, retries: 0 });
    expect((await charxiv.score({ ...input, answerType: 1 })).score).toBe(1);
    replies = ['{"extracted_answer": "alpha", "score": 0.5}'];
    expect((await charxiv.score(input)).score).toBeNull();
  });
});
