import type { Raster } from '../image/raster.js';
import type { ToolDefinition } from '../tools/tool-definition.js';

/** One part of a message: text or an image. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly image: Raster };

/** A message of the conversation. Observations of tools are user messages, as in VTool-R1. */
export interface EpisodeMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: readonly ContentPart[];
}

/** What a policy produced in one turn: tokens first, text as their reading. */
export interface PolicyTurn {
  readonly text: string;
  readonly tokenIds: readonly number[];
  /** Log-probability in nats of each token under the sampling distribution. */
  readonly logprobs: readonly number[];
  /** `length`: cut off by the token limit. */
  readonly finishReason: 'stop' | 'length';
}

/** What a policy is told when it is to produce a turn. */
export interface TurnRequest {
  /** 0 for the first turn. */
  readonly turn: number;
  /** Tokens left for this turn. */
  readonly maxTokens: number;
  readonly signal: AbortSignal;
}

/** One running conversation. Tokens go in and out as they are; nothing is tokenized again. */
export interface PolicySession {
  /** Tokens of the prompt. */
  readonly promptTokenIds: readonly number[];
  generate(request: TurnRequest): Promise<PolicyTurn>;
  /** Appends messages after the last turn; gives the tokens that they add. */
  observe(messages: readonly EpisodeMessage[]): Promise<readonly number[]>;
}

/** A model as an episode needs it. `@iapo/vlm-adapters` models are brought to this form by `iapo`. */
export interface EpisodePolicy {
  begin(request: {
    readonly messages: readonly EpisodeMessage[];
    readonly tools: readonly ToolDefinition[];
    readonly seed: number;
  }): Promise<PolicySession>;
}

/**
 * A policy that says prepared things, one text a turn; for tests, demos and replays. Its tokens are
 * the texts' UTF-16 code units, each with log-probability 0 (it is certain of what it says).
 */
export function scriptedPolicy(texts: readonly string[]): EpisodePolicy {
  const encode = (text: string): number[] =>
    Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  return {
    async begin({ messages }): Promise<PolicySession> {
      return {
        promptTokenIds: messages.flatMap((message) => encode(textOf(message))),
        async generate({ turn, maxTokens }): Promise<PolicyTurn> {
          const whole = encode(texts[turn] ?? '');
          const tokenIds = whole.slice(0, maxTokens);
          return {
            text: String.fromCharCode(...tokenIds),
            tokenIds,
            logprobs: tokenIds.map(() => 0),
            finishReason: tokenIds.length < whole.length ? 'length' : 'stop',
          };
        },
        observe: async (added) => added.flatMap((message) => encode(textOf(message))),
      };
    },
  };
}

/** The text of a message; an image is `<image>`. */
function textOf(message: EpisodeMessage): string {
  return message.content.map((part) => (part.type === 'text' ? part.text : '<image>')).join('');
}
