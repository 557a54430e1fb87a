import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { attribute } from '@iapo/attribution';
import { OpenAiVlm, type ServerPrompt } from '@iapo/vlm-adapters';
import type { EpisodeMessage } from '@iapo/vqa-tools';
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest';
import type { PromptTool } from '../../src/model/agent-model.js';
import { attributionInput } from '../../src/model/attribution-input.js';
import {
  type BlackBoxModel,
  type BlackBoxPrompt,
  blackBoxTeacher,
} from '../../src/model/black-box-teacher.js';
import type { Teacher } from '../../src/train/options.js';

const vocabulary = { decode: (ids: readonly number[]): string => ids.join(' ') };
const image = { width: 2, height: 1, channels: 3, data: new Uint8ClampedArray([1, 2, 3, 4, 5, 6]) };
const messages: readonly EpisodeMessage[] = [
  { role: 'system', content: [{ type: 'text', text: 'Be exact.' }] },
  {
    role: 'user',
    content: [
      { type: 'image', image: { ...image, channels: 3 } },
      { type: 'text', text: 'Value of B?' },
    ],
  },
];
const tools: readonly PromptTool[] = [
  { type: 'function', function: { name: 'mask', description: 'Hide.', parameters: {} } },
];

interface Seen {
  readonly messages: readonly EpisodeMessage[];
  readonly tools: readonly PromptTool[];
}

/** What each block adds to the log-probability of the call; the whole prompt gives −10 + 9. */
const worth = { P: 1, T: 2, I: 4, R: 2 };

function fake(): BlackBoxModel<Seen> {
  return {
    id: 'box',
    encode: (seen, options = {}) => Promise.resolve({ messages: seen, tools: options.tools ?? [] }),
    logprobs: (sequences) =>
      Promise.resolve(
        sequences.map(({ prompt, completion }) => {
          const text = JSON.stringify(prompt.messages);
          const picture = prompt.messages[1]?.content[0];
          const isGray = picture?.type === 'image' && picture.image.data.every((v) => v === 128);
          const sum =
            (text.includes('Be exact.') ? worth.P : 0) +
            (prompt.tools.length > 0 ? worth.T : 0) +
            (isGray ? 0 : worth.I) +
            (text.includes('Value of B?') ? worth.R : 0);
          return { logprobs: completion.map(() => (sum - 10) / completion.length) };
        }),
      ),
  };
}

describe('a black-box teacher', () => {
  test.each(['shapley', 'leaveOneOut'] as const)('%s of a sum gives its terms', async (method) => {
    const teacher = blackBoxTeacher(fake(), { vocabulary });
    const prompt = await teacher.encode(messages, { tools });
    const result = await attribute(teacher, attributionInput(teacher, prompt, [5, 6]), { method });
    const scores = Object.fromEntries(result.blocks.map(({ name, score }) => [name, score]));
    for (const [name, value] of Object.entries(worth)) expect(scores[name]).toBeCloseTo(value, 9);
    expect(result.maskMode).toBe('prompt');
  });

  test('has no block for what the conversation lacks, and reads as its parts', async () => {
    const teacher = blackBoxTeacher(fake(), { vocabulary });
    const { blocks, text, characters } = await teacher.encode(messages.slice(1));
    expect(blocks).toEqual(['I', 'R']);
    expect(text).toBe('[image]Value of B?');
    expect(Array.from(characters)).toEqual([0, 7, 18]);
  });

  test('says why a gradient method cannot be served', async () => {
    const teacher = blackBoxTeacher(fake(), { vocabulary });
    const input = attributionInput(teacher, await teacher.encode(messages, { tools }), [5]);
    await expect(attribute(teacher, input, { method: 'integratedGradients' })).rejects.toThrow(
      /cannot explain this model.*can serve: .*shapley/s,
    );
  });

  test('refuses a later turn', () => {
    const later = [...messages, { role: 'assistant' as const, content: [] }];
    expect(() => blackBoxTeacher(fake(), { vocabulary }).encode(later)).toThrow(/first turn/);
  });

  test('an `OpenAiVlm` fits', () => {
    expectTypeOf<OpenAiVlm>().toExtend<BlackBoxModel<ServerPrompt>>();
    expectTypeOf<ReturnType<typeof blackBoxTeacher>>().toExtend<Teacher<BlackBoxPrompt>>();
  });
});

describe('behind a server', () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  /** A server that answers every scoring request with a text, after a while. */
  async function serverThat(body: string, delayMs = 0): Promise<string> {
    const server = createServer((request, response) => {
      const { url = '' } = request;
      request.resume();
      const isScoring = url.endsWith('/chat/completions');
      response.writeHead(isScoring || url === '/detokenize' ? 200 : 404, {
        'content-type': 'application/json',
      });
      setTimeout(
        () => response.end(isScoring ? body : '{"prompt":"call"}'),
        isScoring ? delayMs : 0,
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  }

  async function explainBy(baseUrl: string): Promise<unknown> {
    const client = new OpenAiVlm({ baseUrl, model: 'm', apiKey: null, retries: 0, timeoutMs: 300 });
    const teacher = blackBoxTeacher(client, { vocabulary });
    const prompt = await teacher.encode(messages, { tools });
    return attribute(teacher, attributionInput(teacher, prompt, [5]), { method: 'leaveOneOut' });
  }

  test.each([
    [
      'lacks prompt_logprobs',
      '{"choices":[{"index":0,"message":{"content":"x"}}]}',
      0,
      /prompt_logprobs/,
    ],
    ['answers garbage', '<html>', 0, /JSON|server/],
    ['is slow', '{"choices":[]}', 2000, /300 ms|timed out|timeout/i],
  ])('one that %s is an error that says so', async (_, body, delay, message) => {
    const error = await explainBy(await serverThat(body, delay)).catch((caught: unknown) => caught);
    const messagesOf = (value: unknown): string =>
      value instanceof Error ? `${value.message} ${messagesOf(value.cause)}` : '';
    expect(messagesOf(error)).toMatch(message);
  });
});
