import { splitSeed } from '@iapo/rl-core';
import { type Raster, toolDefinitions } from '@iapo/vqa-tools';
import {
  type CallJudgement,
  judgeCall,
  type SmallChartTask,
  scoreAnswer,
  smallChartTools,
} from '../../src/index.js';
import { encodeContinuation, encodePrompt, imageText } from '../data/example.js';
import type { SampledTurn, Sampler, SamplerPrompt } from '../sampling/sampler.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { observe } from './observe.js';

/** Tokens of a turn: a call with two labels has 14, an answer of two values 6. */
const maxTokensEach = 24;

/** A call and an answer, with all tokens in between. */
export interface Episode {
  readonly task: SmallChartTask;
  readonly callText: string;
  readonly call: CallJudgement;
  /** Null where the second turn was not reached or was cut. */
  readonly answer: string | null;
  readonly score: 0 | 1;
  /** Prompt, turns and observation. */
  readonly ids: readonly number[];
  /** 1 where the model sampled the token. */
  readonly isSampled: readonly boolean[];
  readonly promptLength: number;
  readonly images: readonly Raster[];
  /** A turn was cut by the limit of tokens. */
  readonly isTruncated: boolean;
}

export interface PlayOptions {
  readonly temperature: number;
  /** A seed for each task. */
  readonly seeds: readonly number[];
  /** Calls that are made instead of the model's; null leaves out the first turn and the tools. */
  readonly forcedCalls?: readonly string[] | null;
}

/** Plays a batch of episodes of two turns. */
export async function playEpisodes(
  { sampler, tokenizer }: { readonly sampler: Sampler; readonly tokenizer: Tokenizer },
  tasks: readonly SmallChartTask[],
  { temperature, seeds, forcedCalls }: PlayOptions,
): Promise<Episode[]> {
  const end = tokenizer.idOf('<|im_end|>');
  const prompts = tasks.map((task): SamplerPrompt => {
    const tools = forcedCalls === null ? [] : toolDefinitions(smallChartTools, task.toolNames);
    const turns = [
      { role: 'system', text: task.systemPrompt },
      { role: 'user', text: imageText + task.request },
    ] as const;
    return { ids: encodePrompt(tokenizer, turns, tools), images: [task.image] };
  });
  const sample = (asked: readonly SamplerPrompt[], rows: readonly number[], turn: number) =>
    sampler.sample(asked, {
      maxTokens: maxTokensEach,
      temperature,
      seeds: rows.map((row) => splitSeed(seeds[row] ?? 0, 'turn', turn)),
    });
  const everyRow = tasks.map((_, row) => row);
  const first: SampledTurn[] =
    forcedCalls === undefined || forcedCalls === null
      ? await sample(prompts, everyRow, 0)
      : forcedCalls.map((text) => ({
          ids: [...tokenizer.encode(text), end],
          text,
          isFinished: true,
        }));
  const observations = await Promise.all(
    tasks.map(async (task, row) => {
      const turn = first[row];
      return turn?.isFinished === true ? await observe(task, turn.text) : null;
    }),
  );
  const going = everyRow.filter((row) => observations[row] !== null);
  const continued = going.map((row): SamplerPrompt => {
    const { image, text } = observations[row] ?? { image: null, text: '' };
    const turn = { role: 'user', text: image === null ? text : imageText + text } as const;
    const before = [...(prompts[row]?.ids ?? []), ...(first[row]?.ids ?? [])];
    return {
      ids: [...before, ...encodeContinuation(tokenizer, [turn])],
      images: [...(prompts[row]?.images ?? []), ...(image === null ? [] : [image])],
    };
  });
  const second = continued.length === 0 ? [] : await sample(continued, going, 1);

  return tasks.map((task, row): Episode => {
    const prompt = prompts[row] ?? { ids: [], images: [] };
    const turn = first[row] ?? { ids: [], text: '', isFinished: false };
    const place = going.indexOf(row);
    const [whole, last] = [continued[place], second[place]];
    const sampledFirst = { from: prompt.ids.length, to: prompt.ids.length + turn.ids.length };
    const final = last ?? turn;
    const answer = final.isFinished ? final.text : null;
    const ids = [...(whole?.ids ?? [...prompt.ids, ...turn.ids]), ...(last?.ids ?? [])];
    const secondFrom = whole?.ids.length ?? ids.length;
    return {
      task,
      callText: turn.text,
      call: judgeCall(task, turn.text),
      answer,
      score: answer === null ? 0 : scoreAnswer(task, answer),
      ids,
      isSampled: ids.map(
        (_, at) => (at >= sampledFirst.from && at < sampledFirst.to) || at >= secondFrom,
      ),
      promptLength: prompt.ids.length,
      images: whole?.images ?? prompt.images,
      isTruncated: !final.isFinished,
    };
  });
}
