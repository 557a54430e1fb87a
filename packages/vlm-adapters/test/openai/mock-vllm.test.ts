import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MockVllm } from './mock-vllm.js';
import { detokenize, endOfTurn, logProbability, tokenize, vocabularySize } from './toy-model.js';

// The mock is checked by OpenAI's own client, so that what OpenAiVlm is tested against is no invention of ours.
const mock = new MockVllm();
let client: OpenAI;
beforeAll(async () => {
  client = new OpenAI({ baseURL: await mock.start(), apiKey: 'none', maxRetries: 0 });
});
afterAll(() => mock.stop());

const messages = [{ role: 'user' as const, content: 'Say hi.' }];

describe('the mock of vLLM', () => {
  it('is a toy model whose probabilities sum to 1 and whose tokens are text', () => {
    const probabilities = Array.from({ length: vocabularySize }, (_, id) =>
      Math.exp(logProbability([5, 6], id)),
    );
    expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
    for (const text of ['the tool', 'ab, Zürich 🙂', '<|im_end|>\n'])
      expect(detokenize(tokenize(text))).toBe(text);
  });

  it('answers chat as the SDK expects, with the fields of vLLM beside', async () => {
    mock.script = [[...tokenize('hi'), endOfTurn]];
    const response = await client.chat.completions.create({
      model: 'toy',
      messages,
      logprobs: true,
      // @ts-expect-error A field of vLLM's, which the SDK passes on.
      return_token_ids: true,
    });
    const [choice] = response.choices;
    expect(choice?.message.content).toBe('hi');
    expect(choice?.finish_reason).toBe('stop');
    expect(choice?.logprobs?.content).toHaveLength(3);
    expect(choice).toMatchObject({ token_ids: [...tokenize('hi'), endOfTurn] });
    expect(response).toHaveProperty('prompt_token_ids');
  });

  it('streams as the SDK expects', async () => {
    mock.script = [[...tokenize('hi'), endOfTurn]];
    let text = '';
    let finish: string | null = null;
    for await (const chunk of await client.chat.completions.create({
      model: 'toy',
      messages,
      stream: true,
      logprobs: true,
      ...{ return_token_ids: true },
    })) {
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    expect([text, finish]).toEqual(['hi', 'stop']);
  });

  it('gives scores of prompts where the SDK leaves them', async () => {
    const response = await client.completions.create({
      model: 'toy',
      prompt: [5, 6, 7],
      max_tokens: 1,
      ...{ prompt_logprobs: 0 },
    });
    expect(response.choices[0]).toMatchObject({
      prompt_logprobs: [
        null,
        { 6: { logprob: logProbability([5], 6) } },
        { 7: { logprob: logProbability([5, 6], 7) } },
      ],
    });
  });

  it('reports errors as the SDK expects', async () => {
    const wrong = client.chat.completions.create({ model: 'other', messages });
    await expect(wrong).rejects.toThrow(OpenAI.NotFoundError);
    await expect(wrong).rejects.toThrow('The model `other` does not exist.');
    mock.faults = [{ kind: 'status', status: 429, headers: { 'retry-after': '1' } }];
    await expect(client.chat.completions.create({ model: 'toy', messages })).rejects.toThrow(
      OpenAI.RateLimitError,
    );
  });

  it('lists its model', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id, owned_by: owner }) => [id, owner])).toEqual([['toy', 'vllm']]);
  });
});
