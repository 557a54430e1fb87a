import { afterEach, describe, expect, it } from 'vitest';
import { VlmError } from '../../src/errors.js';
import { OpenAiVlm, type OpenAiVlmOptions, type ServerPrompt } from '../../src/openai/index.js';
import { type Fault, MockVllm } from './mock-vllm.js';
import { endOfTurn, tokenize } from './toy-model.js';

let mock: MockVllm;
afterEach(() => mock.stop());

const now = Date.parse('2026-01-01T00:00:00Z');

async function connect(
  options: Partial<OpenAiVlmOptions> = {},
): Promise<{ model: OpenAiVlm; prompt: ServerPrompt; waits: number[] }> {
  mock = new MockVllm();
  const waits: number[] = [];
  const clock = {
    now: () => now,
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      waits.push(ms);
    },
  };
  const model = new OpenAiVlm({ baseUrl: await mock.start(), model: 'toy', clock, ...options });
  const prompt = await model.encode([{ role: 'user', content: 'Say hi.' }]);
  mock.requests.length = 0;
  return { model, prompt, waits };
}

const busy = (status: number, headers: Record<string, string> = {}): Fault => ({
  kind: 'status',
  status,
  headers,
});
const repeat = (fault: Fault, count: number): Fault[] => Array.from({ length: count }, () => fault);

async function failure(call: Promise<unknown>): Promise<VlmError> {
  const error: unknown = await call.then(
    () => new Error('nothing was thrown'),
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(VlmError);
  return error as VlmError;
}

describe('failures that pass', () => {
  it.each([
    ['429', busy(429)],
    ['503', busy(503)],
    ['500', busy(500)],
    [
      '502 from a proxy',
      { kind: 'status', status: 502, body: '<html>Bad Gateway</html>' } as const,
    ],
    ['a connection that breaks before the answer', { kind: 'hang-up' } as const],
    ['an answer that is cut', { kind: 'cut-body' } as const],
  ])('are tried again: %s', async (_, fault) => {
    const { model, prompt, waits } = await connect();
    mock.faults = repeat(fault, 2);
    const [[completion] = []] = await model.sample([prompt]);
    expect(completion?.text).toBe('hi');
    expect(waits).toHaveLength(2);
    expect(mock.requests).toHaveLength(3);
    // The very same request each time, its seed included.
    expect(new Set(mock.requests.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  });

  it('wait twice as long each time, shortened by up to a half, the same with the same seed', async () => {
    const run = async (seed: number): Promise<number[]> => {
      const { model, prompt, waits } = await connect({
        seed,
        retryDelayMs: 100,
        retries: 6,
        maximumRetryDelayMs: 1000,
      });
      mock.faults = repeat(busy(503), 6);
      await model.sample([prompt]);
      await mock.stop();
      return waits;
    };
    const waits = await run(1);
    for (const [index, full] of [100, 200, 400, 800, 1000, 1000].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(full / 2);
      expect(waits[index]).toBeLessThanOrEqual(full);
    }
    expect(await run(1)).toEqual(waits);
    expect(await run(2)).not.toEqual(waits);
  });

  it.each([
    ['seconds', '7', 7000],
    ['a date', new Date(now + 9000).toUTCString(), 9000],
  ])('wait as long as the server says, in %s', async (_, header, expected) => {
    const { model, prompt, waits } = await connect();
    mock.faults = [busy(429, { 'retry-after': header })];
    await model.sample([prompt]);
    expect(waits).toEqual([expected]);
  });

  it('are given up when the server asks for too long a wait', async () => {
    const { model, prompt, waits } = await connect({ maximumRetryDelayMs: 5000 });
    mock.faults = [busy(429, { 'retry-after': '3600' })];
    const error = await failure(model.sample([prompt]));
    expect(error.code).toBe('server');
    expect(error.message).toContain('wait 3600000 ms, and maximumRetryDelayMs is 5000');
    expect(waits).toEqual([]);
  });

  it('are given up after the last attempt, and the client still works', async () => {
    const { model, prompt } = await connect({ retries: 2 });
    mock.faults = repeat(busy(503), 3);
    const error = await failure(model.sample([prompt]));
    expect(error.code).toBe('server');
    expect(error.message).toContain('status 503: busy (3 attempts)');
    expect((await model.sample([prompt]))[0]?.[0]?.text).toBe('hi');
  });

  it('are told from those that stay', async () => {
    const { model, prompt, waits } = await connect();
    for (const [status, message] of [
      [400, 'bad'],
      [401, 'apiKey'],
      [422, 'bad'],
    ] as const) {
      mock.faults = [{ kind: 'status', status, body: '{"error": {"message": "bad"}}' }];
      const error = await failure(model.sample([prompt]));
      expect(error.code).toBe('server');
      expect(error.message).toContain(message);
    }
    expect(waits).toEqual([]);
  });

  it('include a server that cannot be reached', async () => {
    const { model, prompt, waits } = await connect({ retries: 1 });
    await mock.stop();
    const error = await failure(model.sample([prompt]));
    expect(error.code).toBe('server');
    expect(error.message).toMatch(/cannot be reached.*ECONNREFUSED.*2 attempts/);
    expect(waits).toHaveLength(1);
  });
});

describe('answers that are none', () => {
  it.each([
    ['another language', '<html>It works!</html>', 'not JSON: <html>It works!'],
    ['nothing', '', 'not JSON: (nothing)'],
    ['half of one', '{"id": "chatcmpl-1", "choi', 'not JSON'],
    ['another shape', '{"ok": true}', 'another shape'],
    [
      'an error with status 200',
      '{"error": {"message": "out of memory"}}',
      'failed: out of memory',
    ],
    ['numbers as text', '{"choices": [{"index": "0", "message": {}}]}', 'choices[0].index'],
  ])('are refused at once: %s', async (_, body, message) => {
    const { model, prompt, waits } = await connect();
    mock.faults = [{ kind: 'body', body }];
    const error = await failure(model.sample([prompt]));
    expect(error.code).toBe('server');
    expect(error.message).toContain(message);
    expect(waits).toEqual([]);
  });
});

describe('time', () => {
  it('is limited for each attempt, slow headers included', async () => {
    const { model, prompt } = await connect({ timeoutMs: 80, retries: 1 });
    mock.faults = repeat({ kind: 'slow-headers', ms: 5000 }, 2);
    const error = await failure(model.sample([prompt]));
    expect(error.code).toBe('timeout');
    expect(error.message).toContain('within 80 ms');
    expect(error.message).toContain('2 attempts');
    expect((await model.sample([prompt]))[0]?.[0]?.text).toBe('hi');
  });

  it('is not up when headers come late enough', async () => {
    const { model, prompt, waits } = await connect({ timeoutMs: 5000 });
    mock.faults = [{ kind: 'slow-headers', ms: 50 }];
    expect((await model.sample([prompt]))[0]?.[0]?.text).toBe('hi');
    expect(waits).toEqual([]);
  });
});

describe('signals', () => {
  it('stop a request, and the client still works', async () => {
    const { model, prompt } = await connect();
    mock.faults = [{ kind: 'slow-headers', ms: 60_000 }];
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await expect(model.sample([prompt], { signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect((await model.sample([prompt]))[0]?.[0]?.text).toBe('hi');
  });

  it('stop what waits for another attempt or for its turn', async () => {
    const clock = {
      now: () => now,
      sleep: (_: number, signal?: AbortSignal) =>
        new Promise<void>((_resolve, reject) =>
          signal?.addEventListener('abort', () => reject(signal.reason)),
        ),
    };
    const { model, prompt } = await connect({ concurrency: 1, clock });
    mock.faults = [busy(503)];
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    await expect(model.sample([prompt], { n: 3, signal: controller.signal })).rejects.toMatchObject(
      { name: 'AbortError' },
    );
    expect(mock.requests).toHaveLength(1);
  });

  it('send nothing when they are aborted before', async () => {
    const { model, prompt } = await connect();
    await expect(model.sample([prompt], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(mock.requests).toEqual([]);
  });
});

describe('many requests', () => {
  it('run a few at a time', async () => {
    const { model, prompt } = await connect({ concurrency: 3 });
    mock.mostRunning = 0;
    mock.faults = repeat({ kind: 'slow-headers', ms: 15 }, 12);
    await model.sample([prompt], { n: 12 });
    expect(mock.mostRunning).toBe(3);
  });

  it('are given up together when one fails', async () => {
    const { model, prompt } = await connect({ concurrency: 2 });
    mock.faults = [{ kind: 'status', status: 400, body: '{"error": {"message": "bad"}}' }];
    const error = await failure(model.sample([prompt], { n: 20 }));
    expect(error.message).toContain('bad');
    expect(mock.requests.length).toBeLessThan(6);
  });
});

describe('streams', () => {
  const tell = (): { seen: number[]; onToken: (event: { tokenId: number }) => void } => {
    const seen: number[] = [];
    return { seen, onToken: ({ tokenId }) => seen.push(tokenId) };
  };

  it('that are cut before the first token begin again', async () => {
    const { model, prompt, waits } = await connect();
    mock.faults = [{ kind: 'cut-stream', afterChunks: 1 }];
    const { seen, onToken } = tell();
    const [[completion] = []] = await model.sample([prompt], { onToken });
    expect(completion?.text).toBe('hi');
    expect(seen).toEqual(completion?.tokenIds);
    expect(waits).toHaveLength(1);
  });

  it('that are cut after tokens were told are not begun again in silence', async () => {
    const { model, prompt, waits } = await connect();
    mock.script = [[...tokenize('hello'), endOfTurn]];
    mock.faults = [{ kind: 'cut-stream', afterChunks: 3 }];
    const { seen, onToken } = tell();
    const error = await failure(model.sample([prompt], { onToken }));
    expect(error.code).toBe('server');
    expect(error.message).toContain('ended before its last event');
    expect(seen).toHaveLength(2);
    expect(waits).toEqual([]);
  });

  it('that report an error end with it', async () => {
    const { model, prompt } = await connect();
    mock.faults = [{ kind: 'stream-error' }];
    const error = await failure(model.sample([prompt], tell()));
    expect(error.message).toContain('EngineCore died');
  });

  it('are tried again when they do not begin', async () => {
    const { model, prompt, waits } = await connect();
    mock.faults = [busy(429, { 'retry-after': '2' })];
    const { seen, onToken } = tell();
    await model.sample([prompt], { onToken });
    expect(seen).toHaveLength(3);
    expect(waits).toEqual([2000]);
  });
});

describe('limits of the server', () => {
  it('have a code of their own: the context', async () => {
    const { model } = await connect();
    const prompt = await model.encode([{ role: 'user', content: 'x'.repeat(5000) }]);
    const error = await failure(model.sample([prompt]));
    expect(error.code).toBe('context-length');
    expect(error.message).toContain('4096 tokens');
  });

  it('are told from missing paths: a model that is not there', async () => {
    const { model, prompt } = await connect();
    const other = new OpenAiVlm({ baseUrl: mock.url, model: 'other' });
    expect(model.id).toBe('toy');
    const error = await failure(other.sample([prompt]));
    expect(error.message).toContain('The model `other` does not exist');
  });
});
