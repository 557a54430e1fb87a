import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { splitSeed } from '@iapo/rl-core';
import { type ScoreSummary, summarizeScores, visualTools } from '@iapo/vqa-tools';
import { IapoError, messageOf } from '../errors.js';
import type { AgentModel, AgentPrompt } from '../model/agent-model.js';
import { type PlayedEpisode, type PlayOptions, playEpisodes } from '../model/play-episodes.js';
import { type IapoTask, type TaskSource, taskAt } from '../task.js';
import { type EpisodeScore, type ScoreOptions, scoreEpisodes } from '../train/score-episodes.js';
import { rolloutMetrics } from '../train/step-metrics.js';

/**
 * `with-tools`: as in training. `without-tools`: no tool is offered and there is one turn. `tools-fail`: tools are
 * offered and every call fails, which asks whether the answer needs the edited picture.
 */
export type EvaluationMode = 'with-tools' | 'without-tools' | 'tools-fail';

export interface EvaluateOptions {
  readonly mode?: EvaluationMode;
  /** Default: greedy (`temperature: 0`). */
  readonly episode?: PlayOptions;
  readonly score?: ScoreOptions;
  /** Default 0; matters for sampling only. */
  readonly seed?: number;
  /** Episodes played side by side. Default 32. */
  readonly batchSize?: number;
  /** JSONL file of the predictions, written anew. Default none. */
  readonly predictions?: string | null;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal;
}

/** One answer; a line of the predictions. */
export interface Prediction {
  readonly id: string;
  readonly question: string | null;
  readonly answers: IapoTask['answers'];
  readonly prediction: string | null;
  readonly score: number | null;
  readonly reason: string | null;
  /** Calls that were made, by name, with whether they ran. */
  readonly calls: readonly { readonly name: string; readonly ok: boolean }[];
}

export interface Evaluation {
  readonly model: string;
  readonly mode: EvaluationMode;
  /** Mean score with its 95 % interval (Wilson's for right and wrong). */
  readonly accuracy: ScoreSummary;
  /** Share of episodes whose first turn means a call; `null` without tasks. */
  readonly callRate: number | null;
  /** Share of those in which every call ran. */
  readonly toolSuccess: number | null;
  readonly predictions: readonly Prediction[];
}

/**
 * Answers every task once and scores the answers.
 *
 * @throws {IapoError} `missing-input` without tasks; what the model throws.
 */
export async function evaluate<Prompt extends AgentPrompt>(
  model: AgentModel<Prompt>,
  tasks: TaskSource,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  if (tasks.length === 0) throw new IapoError('missing-input', '`tasks` is empty.');
  const { mode = 'with-tools', seed = 0, batchSize = 32, predictions: path = null } = options;
  const episode = playOptions(mode, { temperature: 0, ...options.episode });
  if (path !== null) await writing(path, () => writeEmpty(path));
  const predictions: Prediction[] = [];
  const played: PlayedEpisode<Prompt>[] = [];
  const scores: EpisodeScore[] = [];
  for (let start = 0; start < tasks.length; start += batchSize) {
    options.signal?.throwIfAborted();
    const part = [];
    for (let at = start; at < Math.min(start + batchSize, tasks.length); at++) {
      const task = await taskAt(tasks, at);
      part.push({
        task: mode === 'without-tools' ? { ...task, toolNames: [] } : task,
        seed: splitSeed(seed, 'evaluate', at),
      });
    }
    const episodes = await playEpisodes(model, part, { ...episode, signal: options.signal });
    const scored = await scoreEpisodes(episodes, options.score);
    const lines = episodes.map((entry, at) => prediction(entry, scored[at]!));
    if (path !== null) {
      await writing(path, () =>
        appendFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join('')),
      );
    }
    predictions.push(...lines);
    played.push(...episodes);
    scores.push(...scored);
    options.onProgress?.({ done: predictions.length, total: tasks.length });
  }
  const metrics = rolloutMetrics(played, scores);
  return {
    model: model.id,
    mode,
    accuracy: summarizeScores(predictions),
    callRate: metrics['tools/call_rate'] ?? null,
    toolSuccess: metrics['tools/success_rate'] ?? null,
    predictions,
  };
}

function playOptions(mode: EvaluationMode, episode: PlayOptions): PlayOptions {
  switch (mode) {
    case 'with-tools':
      return episode;
    case 'without-tools':
      return { ...episode, maxTurns: 1 };
    case 'tools-fail': {
      const tools = Object.entries(episode.tools ?? visualTools).map(([name, tool]) => [
        name,
        { ...tool, run: () => Promise.reject(new Error('tools are disabled')) },
      ]);
      return { ...episode, tools: Object.fromEntries(tools) };
    }
    default:
      throw new IapoError(
        'unknown-name',
        `Unknown mode "${String(mode)}". Known: with-tools, without-tools, tools-fail.`,
      );
  }
}

function prediction(
  { task, trajectory }: PlayedEpisode<unknown>,
  { answer, outcome, reason }: EpisodeScore,
): Prediction {
  return {
    id: task.id,
    question: task.question ?? null,
    answers: task.answers,
    prediction: answer,
    score: outcome,
    reason,
    calls: trajectory.turns.flatMap(({ calls }) =>
      calls.map(({ call, outcome: { ok } }) => ({ name: call.name, ok })),
    ),
  };
}

async function writeEmpty(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '');
}

async function writing(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    throw new IapoError('file-system', `Cannot write ${path}: ${messageOf(cause)}.`, { cause });
  }
}
