import { afterEach, describe, expect, it } from 'vitest';
import { VlmError } from '../../src/errors.js';
import { OpenAiVlm, type OpenAiVlmOptions, type ServerPrompt } from '../../src/openai/index.js';
import type { Message, Raster } from '../../src/types/message.js';
import type { VisionLanguageModel } from '../../src/types/model.js';
import { type MockOptions, MockVllm } from './mock-vllm.js';
import { detokenize, endOfTurn, logProbability, tokenize } from './toy-model.js';

let mock: MockVllm;
afterEach(() => mock.stop());

/** A client of a new mock whose waits take no time and are written down. */
async function connect(
  mockOptions: MockOptions = {},
  options: Partial<OpenAiVlmOptions> = {},
): Promise<{ model: OpenAiVlm; waits: number[] }> {
  mock = new MockVllm(mockOptions);
  const waits: number[] = [];
  const clock = {
    now: () => Date.parse('2026-01-01T00:00:00Z'),
    sleep: async (ms: number) => {
      waits.push(ms);
    },
  };
  const baseUrl = await mock.start();
  return {
    model: new OpenAiVlm({ baseUrl, model: 'toy', apiKey: 'secret-key', clock, ...options }),
    waits,
  };
}

const picture = (width: number, height: number): Raster => ({
  width,
  height,
  channels: 3,
  data: new Uint8Array(width * height * 3).fill(200),
});
const question: Message[] = [{ role: 'user', content: 'How high?' }];
const withImage: Message[] = [
  {
    role: 'user',
    content: [
      { type: 'image', image: picture(56, 30) },
      { type: 'text', text: 'How high?' },
    ],
  },
];
const tools = [
  { type: 'function' as const, function: { name: 'zoom', parameters: { type: 'object' } } },
];
const ended = (text: string): number[] => [...tokenize(text), endOfTurn];

/** What the toy model itself says of each token after a prompt. */
const trueLogprobs = (
  prompt: ArrayLike<number>,
  ids: readonly number[],
  temperature = 1,
): number[] =>
  ids.map((id, index) =>
    logProbability([...Array.from(prompt), ...ids.slice(0, index)], id, temperature),
  );

async function refused(
  call: Promise<unknown>,
  code: string,
  message: string | RegExp,
): Promise<VlmError> {
  const error: unknown = await call.then(
    () => new Error('nothing was thrown'),
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(VlmError);
  expect((error as VlmError).message).toMatch(message);
  expect((error as VlmError).code).toBe(code);
  expect((error as VlmError).message).not.toContain('secret-key');
  return error as VlmError;
}

describe('encode', () => {
  it("keeps the conversation and the server's tokens", async () => {
    const { model } = await connect();
    const prompt = await model.encode(question, { tools });
    expect(detokenize([...(prompt.inputIds ?? [])])).toBe(
      `<|im_start|>system\n# Tools ${JSON.stringify(tools)}<|im_end|>\n<|im_start|>user\nHow high?<|im_end|>\n<|im_start|>assistant\n`,
    );
    expect(structuredClone(prompt)).toEqual(prompt);
  });

  it('sends pictures as PNGs in data URLs, the same pixels each time', async () => {
    const { model } = await connect();
    const [first, second] = [await model.encode(withImage), await model.encode(withImage)];
    expect(first).toEqual(second);
    const part = mock.sent('/tokenize')[0]?.body.messages[0].content[0];
    expect(part.type).toBe('image_url');
    expect(part.image_url.url).toMatch(/^data:image\/png;base64,/);
    // 56 × 30 pixels are 2 × 2 tokens of the toy model.
    expect([...(first.inputIds ?? [])].filter((id) => id === 3)).toHaveLength(4);
  });

  it('sends tool calls with their arguments as text, and results with pictures', async () => {
    const { model } = await connect();
    await model.encode([
      ...question,
      {
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [{ function: { name: 'zoom', arguments: { box: [1, 2] } } }],
      },
      {
        role: 'tool',
        tool_call_id: 'call_0',
        content: [{ type: 'image', image: picture(28, 28) }],
      },
    ]);
    const [, assistant, tool] = mock.sent('/tokenize')[0]?.body.messages ?? [];
    expect(assistant.tool_calls).toEqual([
      { id: 'call_0', type: 'function', function: { name: 'zoom', arguments: '{"box":[1,2]}' } },
    ]);
    expect(tool).toMatchObject({ role: 'tool', tool_call_id: 'call_0' });
  });

  it('has no tokens without a tokenize endpoint', async () => {
    const { model } = await connect({ without: ['/tokenize'] });
    expect((await model.encode(question)).inputIds).toBeNull();
  });

  it('refuses messages and pictures that are none before it sends anything', async () => {
    const { model } = await connect();
    await refused(model.encode([]), 'prompt', 'empty');
    await refused(
      model.encode([{ role: 'user', content: [{ type: 'image', image: picture(0, 4) }] }]),
      'image',
      'image 0',
    );
    await refused(
      model.encode([
        { role: 'user', content: [{ type: 'image', image: 'https://example.org/a.png' }] },
      ]),
      'image',
      'web address',
    );
    expect(mock.requests).toEqual([]);
  });
});

describe('sample', () => {
  it('gives token ids and log-probabilities', async () => {
    const { model } = await connect();
    const prompt = await model.encode(question);
    mock.script = [ended('12 apples'), tokenize('twelve')];
    const [[first, second] = []] = await model.sample([prompt], { n: 2, maxNewTokens: 20 });
    expect(first).toMatchObject({
      tokenIds: ended('12 apples'),
      text: '12 apples',
      finishReason: 'stop',
    });
    expect(second).toMatchObject({
      tokenIds: tokenize('twelve'),
      text: 'twelve',
      finishReason: 'length',
    });
    const expected = trueLogprobs(prompt.inputIds ?? [], ended('12 apples'));
    for (const [index, value] of (first?.logprobs ?? []).entries())
      expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 12);
    expect(first?.modelLogprobs).toEqual(first?.logprobs);
  });

  it("says every setting that a model's generation_config could change, unless that is asked for", async () => {
    const { model } = await connect();
    const prompt = await model.encode(question);
    await model.sample([prompt], { maxNewTokens: 7, stop: ['</tool_call>', 5] });
    expect(mock.sent('/v1/chat/completions')[0]?.body).toMatchObject({
      ...{
        model: 'toy',
        temperature: 1,
        top_p: 1,
        top_k: 0,
        min_p: 0,
        repetition_penalty: 1,
        max_tokens: 7,
      },
      ...{
        logprobs: true,
        return_token_ids: true,
        skip_special_tokens: false,
        stop: ['</tool_call>'],
        stop_token_ids: [5],
      },
    });
    await model.chat(prompt, { useGenerationConfig: true, topP: 0.5 });
    const { body } = mock.sent('/v1/chat/completions')[1] ?? {};
    expect(body).toMatchObject({ top_p: 0.5 });
    for (const key of ['temperature', 'top_k', 'min_p', 'repetition_penalty'])
      expect(body).not.toHaveProperty(key);
  });

  it('gives each row a seed of its own, whatever else is sampled with it', async () => {
    const { model } = await connect();
    const [a, b] = [await model.encode(question), await model.encode(withImage)];
    await model.sample([a, b], { n: 2, seed: 4 });
    const seeds = () => mock.sent('/v1/chat/completions').map(({ body }) => body.seed as number);
    const together = seeds();
    expect(new Set(together).size).toBe(4);
    mock.requests.length = 0;
    await model.sample([a], { n: 1, seed: 4 });
    expect(together[0]).toBe(seeds()[0]);
    await model.sample([a, b], { seeds: [[11, 12], [13]] });
    expect(seeds().slice(1)).toEqual([11, 12, 13]);
  });

  it('leaves tool calls in the text, as they were sampled', async () => {
    const { model } = await connect();
    const prompt = await model.encode(question, { tools });
    const call = '<tool_call>{"name": "zoom", "arguments": {}}</tool_call>';
    mock.script = [ended(call)];
    const [[completion] = []] = await model.sample([prompt]);
    expect(completion?.text).toBe(call);
    expect(mock.sent('/v1/chat/completions')[0]?.body).toMatchObject({
      tools,
      tool_choice: 'none',
    });
  });

  it('takes ids from the names of tokens where the server knows no better', async () => {
    const { model } = await connect({ isOld: true });
    mock.script = [ended('ab')];
    const [[completion] = []] = await model.sample([await model.encode(question)]);
    expect(completion?.tokenIds).toEqual(ended('ab'));
  });

  it('streams tokens to onToken, and gives the same completion', async () => {
    const { model } = await connect();
    const prompt = await model.encode(question);
    mock.script = [ended('hello'), ended('hello')];
    const events: string[] = [];
    const [[streamed] = []] = await model.sample([prompt], {
      onToken: ({ prompt: row, sample, tokenId, text }) =>
        events.push(`${row} ${sample} ${tokenId} ${text}`),
    });
    const [[whole] = []] = await model.sample([prompt]);
    expect(streamed).toEqual(whole);
    expect(events).toEqual(
      ended('hello').map((id) => `0 0 ${id} ${id === endOfTurn ? '' : detokenize([id])}`),
    );
    expect(mock.sent('/v1/chat/completions')[0]?.body.stream).toBe(true);
  });

  it('is certain of each token at temperature 0', async () => {
    const { model } = await connect();
    const prompt = await model.encode(question);
    mock.script = [ended('7')];
    const [[completion] = []] = await model.sample([prompt], { temperature: 0 });
    expect(completion?.logprobs).toEqual([0, 0]);
    const expected = trueLogprobs(prompt.inputIds ?? [], ended('7'));
    for (const [index, value] of (completion?.modelLogprobs ?? []).entries())
      expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 12);
  });

  it('tells both kinds of log-probabilities apart on a server that gives those of sampling', async () => {
    const { model } = await connect(
      { logprobsMode: 'processed_logprobs' },
      { logprobsMode: 'processed_logprobs' },
    );
    for (const messages of [question, withImage]) {
      const prompt = await model.encode(messages);
      mock.script = [ended('7 bars')];
      const [[completion] = []] = await model.sample([prompt], { temperature: 0.5 });
      const close = (actual: readonly number[] = [], expected: number[]) => {
        expect(actual).toHaveLength(expected.length);
        for (const [index, value] of actual.entries())
          expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 6);
      };
      close(completion?.logprobs, trueLogprobs(prompt.inputIds ?? [], ended('7 bars'), 0.5));
      close(completion?.modelLogprobs, trueLogprobs(prompt.inputIds ?? [], ended('7 bars')));
    }
  });

  it.each([
    [{ n: 0 }, '`n`'],
    [{ temperature: -1 }, '`temperature`'],
    [{ temperature: Number.NaN }, '`temperature`'],
    [{ topP: 0 }, '`topP`'],
    [{ maxNewTokens: 1.5 }, '`maxNewTokens`'],
    [{ seeds: [[1], [2]] }, '`seeds`'],
    [{ seeds: [[0.5]] }, '`seeds`'],
  ])('refuses %o', async (options, message) => {
    const { model } = await connect();
    await refused(
      model.sample([await model.encode(question)], options),
      'invalid-argument',
      message,
    );
  });
});

describe('extend', () => {
  it('begins the next turn after the sampled tokens, and scores every turn', async () => {
    const { model } = await connect();
    for (const messages of [question, withImage]) {
      const prompt = await model.encode(messages);
      mock.script = [ended('zoom!'), ended('12')];
      const [[call] = []] = await model.sample([prompt]);
      const next = await model.extend(prompt, call!, [
        { role: 'tool', content: [{ type: 'image', image: picture(28, 28) }] },
      ]);
      const [[answer] = []] = await model.sample([next]);
      const start = prompt.inputIds?.length ?? 0;
      expect([...(next.inputIds ?? [])].slice(0, start + 6)).toEqual([
        ...(prompt.inputIds ?? []),
        ...ended('zoom!'),
      ]);
      const [scores] = await model.logprobs([{ prompt: next, completion: answer!.tokenIds }]);
      const expected = [
        ...trueLogprobs(prompt.inputIds ?? [], ended('zoom!')),
        ...trueLogprobs(next.inputIds ?? [], ended('12')),
      ];
      expect(scores?.logprobs).toHaveLength(expected.length);
      for (const [index, value] of (scores?.logprobs ?? []).entries())
        expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 5);
    }
  });

  it('keeps a turn that was cut by its length, and finds the text of tokens from elsewhere', async () => {
    const { model } = await connect();
    const prompt = await model.encode(question);
    const next = await model.extend(
      prompt,
      { tokenIds: tokenize('tool a'), finishReason: 'length' },
      question,
    );
    expect(next.messages[1]).toEqual({ role: 'assistant', content: 'tool a' });
    const other = await model.extend(
      prompt,
      { tokenIds: ended('tool'), finishReason: 'stop' },
      question,
    );
    expect(other.messages[1]).toEqual({ role: 'assistant', content: 'tool' });
  });

  it('refuses tokens that the server would make others of', async () => {
    const { model } = await connect();
    const prompt = await model.encode(question);
    // "a" and "b" were sampled one by one; their text is one token to the tokenizer.
    const [a, b] = [...tokenize('a'), ...tokenize('b')];
    const call = model.extend(
      prompt,
      { tokenIds: [a!, b!, endOfTurn], finishReason: 'stop' },
      question,
    );
    await refused(call, 'prompt', 'in another way than they were sampled');
  });

  it('notices the same when it samples, on a server that does not tokenize for others', async () => {
    const { model } = await connect({ without: ['/tokenize'] });
    const prompt = await model.encode(question);
    mock.script = [[...tokenize('a'), ...tokenize('b'), endOfTurn]];
    const [[drifted] = []] = await model.sample([prompt]);
    const next = await model.extend(prompt, drifted!, question);
    await refused(model.sample([next]), 'prompt', 'sampled turn 0');
  });

  it('says what is missing when no text can be found', async () => {
    const { model } = await connect({ without: ['/tokenize', '/detokenize'] });
    const call = model.extend(
      await model.encode(question),
      { tokenIds: [20], finishReason: 'stop' },
      question,
    );
    await refused(call, 'unsupported', '/detokenize');
  });
});

describe('logprobs', () => {
  const answers = [
    ended('12'),
    tokenize('a long answer, cut'),
    [endOfTurn],
    [...tokenize('a'), ...tokenize('b')],
  ];

  it('scores prompts of text token by token', async () => {
    const { model } = await connect();
    const prompt = await model.encode(question, { tools });
    const scores = await model.logprobs(answers.map((completion) => ({ prompt, completion })));
    for (const [row, { logprobs, entropies }] of scores.entries()) {
      const expected = trueLogprobs(prompt.inputIds ?? [], answers[row] ?? []);
      expect(logprobs).toHaveLength(expected.length);
      for (const [index, value] of logprobs.entries())
        expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 5);
      expect(entropies).toBeNull();
    }
    expect(mock.sent('/v1/completions')[0]?.body.prompt).toEqual([
      ...(prompt.inputIds ?? []),
      ...ended('12'),
    ]);
  });

  const worlds: [string, MockOptions][] = [
    ['a present vLLM', {}],
    ['one that tokenizes without pictures', { expandsWhenTokenizing: false }],
    ['one that names no tokens of the prompt', { isOld: true }],
    ['one without /tokenize', { without: ['/tokenize'] }],
  ];
  it.each(worlds)('scores prompts with pictures through messages: %s', async (_, options) => {
    const { model } = await connect(options);
    const prompt = await model.encode(withImage, { tools });
    const present = await new OpenAiVlm({ baseUrl: await freshServer(), model: 'toy' }).encode(
      withImage,
      { tools },
    );
    const scores = await model.logprobs(
      answers.slice(0, 3).map((completion) => ({ prompt, completion })),
    );
    for (const [row, { logprobs }] of scores.entries()) {
      const expected = trueLogprobs(present.inputIds ?? [], answers[row] ?? []);
      expect(logprobs).toHaveLength(expected.length);
      for (const [index, value] of logprobs.entries())
        expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 5);
    }
    expect(mock.sent('/v1/chat/completions')[0]?.body).toMatchObject({
      ...{
        add_generation_prompt: false,
        continue_final_message: true,
        max_tokens: 1,
        prompt_logprobs: 0,
      },
    });
  });

  it('scores what it sampled also where nothing can be detokenized', async () => {
    const { model } = await connect({ without: ['/tokenize', '/detokenize'] });
    const prompt = await model.encode(withImage);
    mock.script = [ended('12'), tokenize('cut')];
    const [[first, second] = []] = await model.sample([prompt], { n: 2 });
    const [a, b] = await model.logprobs(
      [first!, second!].map(({ tokenIds }) => ({ prompt, completion: [...tokenIds] })),
    );
    for (const [scores, { logprobs }] of [
      [a, first!],
      [b, second!],
    ] as const) {
      expect(scores?.logprobs).toHaveLength(logprobs.length);
      for (const [index, value] of (scores?.logprobs ?? []).entries())
        expect(value).toBeCloseTo(logprobs[index] ?? Number.NaN, 5);
    }
    await refused(model.logprobs([{ prompt, completion: [20, 21] }]), 'unsupported', '/detokenize');
  });

  it('refuses to score other tokens than it was given', async () => {
    const { model } = await connect();
    const prompt = await model.encode(withImage);
    const completion = [...tokenize('a'), ...tokenize('b'), endOfTurn];
    await refused(
      model.logprobs([{ prompt, completion }]),
      'prompt',
      'the completion in another way',
    );
  });

  it('notices tools that the server leaves out of what it scores', async () => {
    const { model } = await connect({ excludesTools: true });
    const prompt = await model.encode(withImage, { tools });
    const hint = 'exclude-tools-when-tool-choice-none';
    await refused(model.logprobs([{ prompt, completion: ended('1') }]), 'prompt', hint);
    await refused(model.sample([prompt]), 'prompt', hint);
    await refused(model.sample([await model.encode(question, { tools })]), 'prompt', hint);
  });

  it('says what servers do not have', async () => {
    const { model } = await connect();
    const prompt = await model.encode(question);
    await refused(
      model.logprobs([{ prompt, completion: [20] }], { temperature: 0.7 }),
      'unsupported',
      'temperature 1',
    );
    await refused(
      model.logprobs([{ prompt, completion: [20] }], { entropy: true }),
      'unsupported',
      'OnnxVlm',
    );
    await refused(
      model.logprobs([{ prompt, completion: [-1] }]),
      'invalid-argument',
      'token ids, got -1',
    );
  });

  it('scores nothing as nothing', async () => {
    const { model } = await connect();
    const [scores] = await model.logprobs([
      { prompt: await model.encode(question), completion: [] },
    ]);
    expect(scores?.logprobs).toHaveLength(0);
    expect(await model.logprobs([])).toEqual([]);
  });
});

async function freshServer(): Promise<string> {
  const other = new MockVllm();
  const url = await other.start();
  afterEach(() => other.stop());
  return url;
}

describe('what a server cannot do', () => {
  it('is declared', async () => {
    const { model } = await connect();
    expect(model.capabilities).toEqual({
      sample: true,
      logprobs: true,
      gradients: false,
      adapters: false,
    });
    const of = (server: 'sglang' | 'openai') =>
      new OpenAiVlm({ baseUrl: 'http://localhost/v1', model: 'm', server }).capabilities;
    expect(of('sglang')).toMatchObject({ sample: true, logprobs: false });
    expect(of('openai')).toMatchObject({ sample: false, logprobs: false });
  });

  it('is refused before anything is sent, with what would help', async () => {
    const { model } = await connect();
    const prompt = await model.encode(question);
    const sent = mock.requests.length;
    await refused(
      model.sample([prompt], { temperature: 0.7 }),
      'unsupported',
      '--logprobs-mode processed_logprobs',
    );
    await refused(model.sample([prompt], { topP: 0.9 }), 'unsupported', 'topP');
    expect(mock.requests).toHaveLength(sent);
    const plain = await connect({}, { server: 'openai' });
    const other = await plain.model.encode(question);
    await refused(plain.model.sample([other]), 'unsupported', 'server: "vllm"');
    await refused(
      plain.model.logprobs([{ prompt: other, completion: [1] }]),
      'unsupported',
      'vLLM',
    );
    expect(mock.requests).toEqual([]);
  });

  const lacks = (
    change: (choice: Record<string, unknown>, response: Record<string, unknown>) => void,
  ) => ({
    kind: 'change' as const,
    change: (response: Record<string, unknown>) => {
      change((response['choices'] as Record<string, unknown>[])[0] ?? {}, response);
      return response;
    },
  });
  it.each([
    [
      'no log-probabilities',
      lacks((choice) => {
        choice['logprobs'] = null;
      }),
      'the server gave no log-probabilities',
    ],
    [
      'no token ids',
      lacks((choice) => {
        choice['token_ids'] = null;
        choice['logprobs'] = { content: [{ token: 'h', logprob: -1 }] };
      }),
      'return_token_ids',
    ],
  ])('is named when it shows: %s', async (_, fault, message) => {
    const { model } = await connect();
    const prompt = await model.encode(question);
    mock.faults = [fault];
    const error = await refused(model.sample([prompt]), 'unsupported', message);
    expect(error.message).toContain('Prompt 0, sample 0');
    expect((await model.sample([prompt]))[0]).toHaveLength(1);
  });

  it('is named when it shows: no scores of the prompt', async () => {
    const { model } = await connect();
    const fault = lacks((choice, response) => {
      choice['prompt_logprobs'] = null;
      response['prompt_logprobs'] = null;
    });
    for (const messages of [question, withImage]) {
      const prompt = await model.encode(messages);
      mock.faults =
        messages === question ? [fault] : [{ kind: 'change', change: () => undefined }, fault];
      await refused(
        model.logprobs([{ prompt, completion: ended('1') }]),
        'unsupported',
        'prompt_logprobs',
      );
    }
  });

  it.each([
    [
      'fewer scores than tokens',
      lacks((choice) => {
        (choice['logprobs'] as { content: unknown[] }).content.pop();
      }),
      'server',
      '3 tokens and 2 log-probabilities',
    ],
    [
      'minus infinity',
      lacks((choice) => {
        (choice['logprobs'] as { content: { logprob: number }[] }).content[0]!.logprob = -9999;
      }),
      'not-finite',
      '-9999',
    ],
    [
      'a probability above 1',
      lacks((choice) => {
        (choice['logprobs'] as { content: { logprob: number }[] }).content[0]!.logprob = 2;
      }),
      'not-finite',
      'log-probability 2',
    ],
    [
      'an answer that was filtered',
      lacks((choice) => {
        choice['finish_reason'] = 'content_filter';
      }),
      'server',
      'content_filter',
    ],
    [
      'ids that are no numbers',
      lacks((choice) => {
        choice['token_ids'] = ['a'];
      }),
      'server',
      'token_ids',
    ],
    [
      'no choices',
      lacks((_, response) => {
        response['choices'] = [];
      }),
      'server',
      'choices',
    ],
  ] as const)('never becomes a number: %s', async (_, fault, code, message) => {
    const { model } = await connect();
    const prompt = await model.encode(question);
    mock.faults = [fault];
    await refused(model.sample([prompt]), code, message);
  });
});

describe('chat', () => {
  it('gives text, calls and whatever else there is', async () => {
    const { model } = await connect({ parsesTools: true }, { server: 'openai' });
    const prompt = await model.encode(question, { tools });
    mock.script = [
      ended('<tool_call>{"name":"zoom","arguments":{"x":1}}</tool_call>'),
      ended('12'),
    ];
    const [call, answer] = await model.chat(prompt, { n: 2 });
    expect(call?.toolCalls).toEqual([
      { id: 'chatcmpl-tool-0', name: 'zoom', arguments: '{"x":1}' },
    ]);
    expect(call?.finishReason).toBe('stop');
    expect(answer).toMatchObject({ text: '12', toolCalls: [], tokenIds: null, promptIds: null });
    expect(answer?.logprobs).toHaveLength(3);
    const { body } = mock.sent('/v1/chat/completions')[0] ?? {};
    expect(body).not.toHaveProperty('return_token_ids');
    expect(body).not.toHaveProperty('top_k');
    await refused(model.chat(prompt, { topK: 5 }), 'unsupported', 'topK');
  });

  it('sends further fields that the user wants', async () => {
    const { model } = await connect(
      {},
      {
        extraBody: { chat_template_kwargs: { enable_thinking: false } },
        headers: { 'x-run': '7' },
      },
    );
    const prompt = await model.encode(question);
    await model.chat(prompt);
    await model.logprobs([{ prompt: await model.encode(withImage), completion: ended('1') }]);
    for (const { path, body, headers } of mock.requests) {
      expect(headers.get('x-run')).toBe('7');
      expect(headers.get('authorization')).toBe('Bearer secret-key');
      if (!path.endsWith('/detokenize'))
        expect(body.chat_template_kwargs).toEqual({ enable_thinking: false });
    }
  });
});

describe('servers with parsers of their own', () => {
  const parsed = (message: Record<string, unknown>) => ({
    kind: 'change' as const,
    change: (response: Record<string, unknown>) => {
      const [choice] = response['choices'] as Record<string, unknown>[];
      Object.assign(choice?.['message'] as object, message);
      return response;
    },
  });

  it('still give the text that was sampled, by its tokens', async () => {
    const { model } = await connect();
    const prompt = await model.encode(question);
    mock.script = [ended('<think>hm</think>12')];
    mock.faults = [parsed({ content: '12', reasoning: 'hm' })];
    const [[completion] = []] = await model.sample([prompt]);
    expect(completion?.text).toBe('<think>hm</think>12');
    const [answer] = await model.chat(prompt);
    expect(answer?.reasoning).toBeNull();
  });

  it('are refused where the tokens cannot be read', async () => {
    const { model } = await connect({ without: ['/detokenize'] });
    const prompt = await model.encode(question);
    mock.faults = [parsed({ content: '12', reasoning: 'hm' })];
    await refused(model.sample([prompt]), 'unsupported', '--reasoning-parser');
  });
});

describe('SGLang', () => {
  // Fields of its ChatCompletionResponse: token ids of prompt and answer are beside each choice.
  const answer = {
    id: '1',
    object: 'chat.completion',
    created: 1,
    model: 'toy',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'hi', reasoning_content: null, tool_calls: null },
        logprobs: {
          content: [
            { token: 'h', bytes: [104], logprob: -0.5, top_logprobs: [] },
            { token: 'i', bytes: [105], logprob: -0.25, top_logprobs: [] },
          ],
        },
        finish_reason: 'length',
        matched_stop: null,
        prompt_token_ids: [1, 2, 3],
        token_ids: [114, 115],
      },
    ],
    usage: { prompt_tokens: 3, total_tokens: 5, completion_tokens: 2 },
    metadata: { weight_version: 'default' },
  };

  it('samples with token ids, in its own words', async () => {
    mock = new MockVllm();
    const bodies: Record<string, unknown>[] = [];
    const model = new OpenAiVlm({
      baseUrl: 'http://localhost:30000/v1',
      model: 'toy',
      server: 'sglang',
      fetch: async (url, init) => {
        expect(String(url)).toBe('http://localhost:30000/v1/chat/completions');
        bodies.push(JSON.parse(String(init?.body)));
        return Response.json(answer);
      },
    });
    const prompt = await model.encode(question, { tools });
    const [[completion] = []] = await model.sample([prompt]);
    expect(completion).toEqual({
      tokenIds: [114, 115],
      text: 'hi',
      logprobs: [-0.5, -0.25],
      modelLogprobs: [-0.5, -0.25],
      finishReason: 'length',
    });
    expect(bodies[0]).toMatchObject({ tools, top_k: -1, return_token_ids: true, logprobs: true });
    expect(bodies[0]).not.toHaveProperty('tool_choice');
    const call = model.logprobs([{ prompt, completion: [1] }]);
    await refused(call, 'unsupported', 'server: "vllm"');
    await refused(model.sample([prompt], { temperature: 0.5 }), 'unsupported', 'temperature 1');
  });
});

describe('the contract', () => {
  it('is that of every model here', async () => {
    const { model } = await connect();
    const fitting: VisionLanguageModel<ServerPrompt> = model;
    expect(fitting.id).toBe('toy');
  });

  it('ends with the client: what runs and what comes is refused', async () => {
    const { model } = await connect();
    const prompt = await model.encode(question);
    mock.faults = [{ kind: 'slow-headers', ms: 60_000 }];
    const running = model.sample([prompt]);
    setTimeout(() => void model[Symbol.asyncDispose](), 20);
    await refused(running, 'disposed', 'disposed');
    await refused(model.encode(question), 'disposed', 'disposed');
  });

  it.each([
    [{ model: '' }, '`model`'],
    [{ baseUrl: 'localhost:8000' }, '`baseUrl`'],
    [{ baseUrl: 'file:///etc' }, '`baseUrl`'],
    [{ server: 'other' as 'vllm' }, '`server`'],
    [{ concurrency: 0 }, '`concurrency`'],
    [{ retries: -1 }, '`retries`'],
    [{ timeoutMs: Number.NaN }, '`timeoutMs`'],
  ])('refuses the options %o', async (options, message) => {
    mock = new MockVllm();
    expect(
      () => new OpenAiVlm({ baseUrl: 'http://localhost/v1', model: 'toy', ...options }),
    ).toThrow(message);
  });
});
