import { z } from 'zod';
import { messageOf, VqaToolError } from '../../errors.js';
import {
  answerList,
  MISSING_PREDICTION,
  predictionText,
  type Score,
  type Scorer,
} from '../scorer.js';
import type { JudgePrompt } from './judge-prompt.js';
import { sameAnswer } from './same-answer.js';

/** Where the judge is and how it is asked. */
export interface LlmJudgeOptions {
  /** Base address of an OpenAI-compatible server, up to `/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** Default: the environment's OPENAI_API_KEY; none for servers that need none. */
  readonly apiKey?: string;
  readonly prompt?: JudgePrompt;
  /** Default 0, as ReFocus and CharXiv. */
  readonly temperature?: number;
  readonly maxTokens?: number;
  /** Limit of one request in milliseconds. Default 60,000. */
  readonly timeoutMs?: number;
  /** Further tries after a failed request or an unreadable reply. Default 3. */
  readonly retries?: number;
  /** Wait before the n-th further try: this · 2ⁿ⁻¹ milliseconds. Default 500. */
  readonly retryDelayMs?: number;
  /** Default: the global fetch. */
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
}

const replySchema = z.looseObject({
  choices: z.array(z.looseObject({ message: z.looseObject({ content: z.string() }) })).min(1),
});

/**
 * A scorer that asks a language model whether the answer is right. When the server cannot be
 * reached, or its replies cannot be read, the score is null with the reason, never 0.
 *
 * @throws {VqaToolError} `bad-argument` for a base address that is none.
 */
export function llmJudge(options: LlmJudgeOptions): Scorer {
  const { prompt = sameAnswer, retries = 3, retryDelayMs = 500, signal } = options;
  if (!URL.canParse(options.baseUrl)) {
    throw new VqaToolError(
      'bad-argument',
      `\`baseUrl\` must be an address such as http://localhost:8000/v1, got "${options.baseUrl}".`,
    );
  }
  return {
    name: `llm-judge-${prompt.name}`,
    description: `Asked of ${options.model}: 1 if the answers mean the same, else 0.`,
    async score(input): Promise<Score> {
      const prediction = predictionText(input);
      if (prediction === null) return MISSING_PREDICTION;
      const content = prompt.ask({
        prediction,
        answer: answerList(input).join(' | '),
        question: input.question ?? '',
        answerType: input.answerType,
      });
      let reason = 'the judge was not asked';
      for (let attempt = 0; attempt <= retries; attempt++) {
        if (attempt > 0) await delay(retryDelayMs * 2 ** (attempt - 1));
        signal?.throwIfAborted();
        try {
          const reply = await ask(content, { ...options, prompt });
          const score = prompt.read(reply);
          if (score !== null) return { score, details: { reply } };
          reason = `the judge's reply cannot be read: ${reply.slice(0, 200)}`;
        } catch (error) {
          signal?.throwIfAborted();
          reason = `the judge failed: ${messageOf(error)}`;
        }
      }
      return { score: null, reason };
    },
  };
}

async function ask(
  content: string,
  options: LlmJudgeOptions & { prompt: JudgePrompt },
): Promise<string> {
  const { prompt, model, temperature = 0, timeoutMs = 60_000, signal } = options;
  const apiKey = options.apiKey ?? process.env.OPENAI_API_KEY;
  const send = options.fetch ?? fetch;
  const timeout = AbortSignal.timeout(timeoutMs);
  const response = await send(`${options.baseUrl.replace(/\/+$/, '')}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(apiKey && { authorization: `Bearer ${apiKey}` }),
    },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content }],
      temperature,
      max_tokens: options.maxTokens ?? prompt.maxTokens,
    }),
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  });
  if (!response.ok) {
    throw new VqaToolError(
      'judge-failed',
      `HTTP ${response.status} ${(await response.text()).slice(0, 200)}`,
    );
  }
  const parsed = replySchema.safeParse(await response.json());
  const reply = parsed.data?.choices[0]?.message.content;
  if (reply === undefined) throw new VqaToolError('judge-failed', 'the response has no message');
  return reply;
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
