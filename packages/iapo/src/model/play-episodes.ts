import { splitSeed } from '@iapo/rl-core';
import {
  type EpisodeMessage,
  type EpisodeOptions,
  type EpisodePolicy,
  type PolicySession,
  type PolicyTurn,
  runEpisode,
  type Trajectory,
  type TurnRequest,
} from '@iapo/vqa-tools';
import { IapoError } from '../errors.js';
import type { IapoTask } from '../task.js';
import type {
  AgentCompletion,
  AgentModel,
  AgentPrompt,
  AgentSampling,
  AgentSequence,
  PromptTool,
} from './agent-model.js';
import { Lockstep } from './lockstep.js';

/** How episodes are played: vqa-tools' options without those that belong to a single episode. */
export interface PlayOptions
  extends Omit<EpisodeOptions, 'seed' | 'signal' | 'toolNames'>,
    AgentSampling {
  /** Most tokens of one turn. Default 256: calls and short answers. */
  readonly maxTokensPerTurn?: number;
}

/** What was said in an episode: enough to encode it again with other pictures. */
export interface Conversation {
  readonly messages: readonly EpisodeMessage[];
  readonly tools: readonly PromptTool[];
  /** Each turn of the model, and what it was shown after it; nothing after the last. */
  readonly turns: readonly {
    readonly completion: AgentCompletion;
    readonly observed: readonly EpisodeMessage[];
  }[];
}

/** An episode with what training and explaining need of it. */
export interface PlayedEpisode<Prompt> {
  readonly task: IapoTask;
  readonly trajectory: Trajectory;
  /** The prompt of the first turn: what the tool call answers. */
  readonly firstPrompt: Prompt;
  readonly firstTurn: AgentCompletion;
  /** All turns as one sequence; sampled tokens of earlier turns stand in its prompt. */
  readonly sequence: AgentSequence<Prompt>;
  readonly conversation: Conversation;
}

interface TurnOfMember<Prompt> {
  readonly prompt: Prompt;
  readonly seed: number;
  readonly maxNewTokens: number;
}

/**
 * Plays episodes side by side, one for each task and seed. All of them sample in the same batch, and those that
 * share a prompt share its prefill.
 *
 * @param plays A task may occur several times, with different seeds; its prompt is encoded once.
 * @returns In the order of `plays`.
 */
export async function playEpisodes<Prompt extends AgentPrompt>(
  model: AgentModel<Prompt>,
  plays: readonly { readonly task: IapoTask; readonly seed: number }[],
  options: PlayOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<PlayedEpisode<Prompt>[]> {
  const { maxTokensPerTurn = 256, temperature, topP, topK, minP, signal, ...episode } = options;
  const sampling: AgentSampling = {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    ...(minP === undefined ? {} : { minP }),
  };
  const lockstep = new Lockstep<TurnOfMember<Prompt>, AgentCompletion>(plays.length, (batch) =>
    sampleBatch(
      model,
      batch.map(({ request }) => request),
      { ...sampling, ...(signal === undefined ? {} : { signal }) },
    ),
  );
  const encoded = new Map<IapoTask, Promise<Prompt>>();
  const results = await Promise.allSettled(
    plays.map(async ({ task, seed }, member): Promise<PlayedEpisode<Prompt>> => {
      try {
        const turns: { prompt: Prompt; completion: AgentCompletion }[] = [];
        const observations: (readonly EpisodeMessage[])[] = [];
        let start: Pick<Conversation, 'messages' | 'tools'> = { messages: [], tools: [] };
        const policy = episodePolicy(model, {
          encodeOnce: (encode) => {
            const prompt = encoded.get(task) ?? encode();
            encoded.set(task, prompt);
            return prompt;
          },
          onBegin: (request) => {
            start = request;
          },
          onObserve: (added) => observations.push(added),
          sampleTurn: async (prompt, { turn, maxTokens }) => {
            const completion = await lockstep.request(member, {
              prompt,
              seed: splitSeed(seed, 'turn', turn),
              maxNewTokens: Math.min(maxTokens, maxTokensPerTurn),
            });
            turns.push({ prompt, completion });
            return completion;
          },
        });
        const trajectory = await runEpisode(policy, task, {
          ...episode,
          seed,
          ...(task.toolNames === undefined ? {} : { toolNames: task.toolNames }),
          ...(signal === undefined ? {} : { signal }),
        });
        const [first, last] = [turns[0], turns.at(-1)];
        if (first === undefined || last === undefined) {
          throw new IapoError('model-output', `The episode of task "${task.id}" has no turn.`);
        }
        return {
          task,
          trajectory,
          firstPrompt: first.prompt,
          firstTurn: first.completion,
          sequence: { prompt: last.prompt, completion: last.completion.tokenIds },
          conversation: {
            ...start,
            turns: turns.map(({ completion }, turn) => ({
              completion,
              observed: observations[turn] ?? [],
            })),
          },
        };
      } finally {
        lockstep.leave();
      }
    }),
  );
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** A model as vqa-tools' episodes need it. */
function episodePolicy<Prompt extends AgentPrompt>(
  model: AgentModel<Prompt>,
  {
    encodeOnce,
    sampleTurn,
    onBegin,
    onObserve,
  }: {
    encodeOnce: (encode: () => Promise<Prompt>) => Promise<Prompt>;
    sampleTurn: (prompt: Prompt, request: TurnRequest) => Promise<AgentCompletion>;
    onBegin: (request: Pick<Conversation, 'messages' | 'tools'>) => void;
    onObserve: (added: readonly EpisodeMessage[]) => void;
  },
): EpisodePolicy {
  return {
    async begin({ messages, tools }): Promise<PolicySession> {
      onBegin({ messages, tools });
      const first = await encodeOnce(() => model.encode(messages, { tools }));
      let prompt = first;
      let said: AgentCompletion | null = null;
      return {
        promptTokenIds: Array.from(first.inputIds),
        async generate(request): Promise<PolicyTurn> {
          said = await sampleTurn(prompt, request);
          if (said.finishReason === 'abort') {
            throw new IapoError('aborted', 'Sampling was stopped in the middle of a turn.');
          }
          const { text, tokenIds, finishReason } = said;
          return { text, tokenIds, logprobs: Array.from(said.logprobs), finishReason };
        },
        async observe(added): Promise<readonly number[]> {
          if (said === null) throw new IapoError('model-output', 'internal: no turn to observe.');
          onObserve(added);
          const next = await model.extend(prompt, said, added);
          const from = prompt.inputIds.length + said.tokenIds.length;
          prompt = next;
          return Array.from(next.inputIds).slice(from);
        },
      };
    },
  };
}

/** One call of `sample` for each limit of tokens, with the requests of one prompt together. */
async function sampleBatch<Prompt extends AgentPrompt>(
  model: AgentModel<Prompt>,
  requests: readonly TurnOfMember<Prompt>[],
  options: AgentSampling & { readonly signal?: AbortSignal },
): Promise<AgentCompletion[]> {
  const results: AgentCompletion[] = [];
  for (const limit of new Set(requests.map(({ maxNewTokens }) => maxNewTokens))) {
    const rows = new Map<Prompt, { index: number; seed: number }[]>();
    for (const [index, { prompt, seed, maxNewTokens }] of requests.entries()) {
      if (maxNewTokens === limit) rows.set(prompt, [...(rows.get(prompt) ?? []), { index, seed }]);
    }
    const groups = [...rows.values()];
    const sampled = await model.sample([...rows.keys()], {
      ...options,
      maxNewTokens: limit,
      seeds: groups.map((group) => group.map(({ seed }) => seed)),
    });
    for (const [at, group] of groups.entries()) {
      if (sampled[at]?.length !== group.length) {
        throw new IapoError(
          'model-output',
          `\`sample\` gave ${sampled[at]?.length ?? 0} completions of prompt ${at}, expected ${group.length}.`,
        );
      }
      for (const [sample, { index }] of group.entries()) results[index] = sampled[at][sample]!;
    }
  }
  return results;
}
