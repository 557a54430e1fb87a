import {
  type AttributionCache,
  type AttributionResult,
  attribute,
  compareAttributions,
} from '@iapo/attribution';
import { splitSeed } from '@iapo/rl-core';
import { type ToolTable, toolDefinitions } from '@iapo/vqa-tools';
import { IapoError, messageOf } from '../errors.js';
import type { AgentModel, AgentPrompt, ExplainedModel } from '../model/agent-model.js';
import { attributionInput, tokenTexts } from '../model/attribution-input.js';
import type { PlayedEpisode } from '../model/play-episodes.js';
import type { ExplanationPair } from '../reward/iapo-reward.js';
import type { IapoTask } from '../task.js';
import { callWeights } from './call-span.js';
import { describeOptions, type ExplainSettings } from './explain-options.js';
import { hashOf, hashTask } from './explanation-keys.js';
import { withTimeLimit } from './time-limit.js';
import { translateCall } from './translate-call.js';

/** A call explained by both models, or why it is not. */
export interface CallExplanation {
  /** Shares of the blocks that both have, in the order of `blocks`. */
  readonly pair: ExplanationPair | null;
  readonly blocks: readonly string[];
  readonly missing: 'failed' | 'degenerate' | 'not-converged' | null;
  /** What went wrong, in words. */
  readonly reason: string | null;
  readonly student: AttributionResult | null;
  readonly teacher: AttributionResult | null;
}

/** How many explanations were made, and how many were remembered. */
export interface ExplainerCounts {
  student: number;
  studentCached: number;
  teacher: number;
  teacherCached: number;
}

type Teacher<Prompt extends AgentPrompt> = ExplainedModel<Prompt> &
  Partial<Pick<AgentModel<Prompt>, 'sample'>>;

/**
 * Explains tool calls by student and teacher and compares what drove them.
 *
 * The student's explanations are remembered until its parameters change, the teacher's for good (and on disk, with
 * a cache): both models explain equal calls of equal prompts once.
 */
export class Explainer<Prompt extends AgentPrompt, TeacherPrompt extends AgentPrompt> {
  readonly counts: ExplainerCounts = { student: 0, studentCached: 0, teacher: 0, teacherCached: 0 };
  readonly #student: ExplainedModel<Prompt>;
  readonly #teacher: Teacher<TeacherPrompt>;
  readonly #settings: ExplainSettings;
  readonly #tools: ToolTable;
  readonly #disk: AttributionCache | null;
  readonly #seed: number;
  readonly #signal: AbortSignal | undefined;
  readonly #ofStudent = new Map<string, AttributionResult>();
  readonly #ofTeacher = new Map<string, AttributionResult>();
  /** Of the teacher, for calls that are explained at the same time. */
  readonly #underWay = new Map<string, Promise<AttributionResult>>();
  #version = -1;

  constructor(options: {
    readonly student: ExplainedModel<Prompt>;
    readonly teacher: Teacher<TeacherPrompt>;
    readonly settings: ExplainSettings;
    readonly tools: ToolTable;
    readonly disk: AttributionCache | null;
    readonly seed: number;
    readonly signal: AbortSignal | undefined;
  }) {
    this.#student = options.student;
    this.#teacher = options.teacher;
    this.#settings = options.settings;
    this.#tools = options.tools;
    this.#disk = options.disk;
    this.#seed = options.seed;
    this.#signal = options.signal;
  }

  /** Equal keys have equal explanations under equal parameters. */
  keyOf({ task, firstTurn }: PlayedEpisode<Prompt>): string {
    return hashOf([hashTask(task), firstTurn.tokenIds]);
  }

  /**
   * Explains the tool call of an episode's first turn.
   *
   * @param version Of the student's parameters: its explanations are forgotten when it changes.
   * @throws What a model threw, with `onFailure: 'stop'`; the signal's reason.
   */
  async explain(episode: PlayedEpisode<Prompt>, version: number): Promise<CallExplanation> {
    if (version !== this.#version) this.#ofStudent.clear();
    this.#version = version;
    const limits = { timeoutMs: this.#settings.timeoutMs, signal: this.#signal };
    // Side by side: models that work in threads of their own take no longer than the slower one.
    const [student, teacher] = await Promise.allSettled([
      withTimeLimit((signal) => this.#explainByStudent(episode, signal), limits),
      withTimeLimit((signal) => this.#explainByTeacher(episode, signal), limits),
    ]);
    if (student.status === 'fulfilled' && teacher.status === 'fulfilled') {
      try {
        return this.#compare(student.value, teacher.value);
      } catch (error) {
        return this.#failure(error, student.value);
      }
    }
    const failed = student.status === 'rejected' ? student : teacher;
    const error: unknown = failed.status === 'rejected' ? failed.reason : null;
    return this.#failure(error, student.status === 'fulfilled' ? student.value : null);
  }

  /** A failed explanation of a call, unless it is to stop the run. */
  #failure(error: unknown, student: AttributionResult | null): CallExplanation {
    this.#signal?.throwIfAborted();
    if (this.#settings.onFailure === 'stop') throw error;
    const reason = messageOf(error);
    return { pair: null, blocks: [], missing: 'failed', reason, student, teacher: null };
  }

  #compare(student: AttributionResult, teacher: AttributionResult): CallExplanation {
    // Methods, baselines and the rest must agree; weights of tokens can only agree for the same call.
    const ownCalls = this.#settings.who === 'own-calls' ? ['tokenWeights'] : [];
    const allow = [...this.#settings.allow, ...ownCalls];
    const comparison = compareAttributions(student, teacher, { allow });
    const blocks = comparison.blocks.map(({ name }) => name);
    const found = { blocks, student, teacher };
    if (comparison.value === null) {
      return { ...found, pair: null, missing: 'degenerate', reason: comparison.reason };
    }
    if (this.#settings.requireConvergence && !comparison.converged) {
      const reason = 'an explanation does not add up to what it explains';
      return { ...found, pair: null, missing: 'not-converged', reason };
    }
    const pair = {
      student: comparison.blocks.map(({ first }) => first),
      teacher: comparison.blocks.map(({ second }) => second),
    };
    return { ...found, pair, missing: null, reason: null };
  }

  async #explainByStudent(
    episode: PlayedEpisode<Prompt>,
    signal: AbortSignal,
  ): Promise<AttributionResult> {
    const key = this.keyOf(episode);
    const known = this.#ofStudent.get(key);
    if (known !== undefined) {
      this.counts.studentCached += 1;
      return known;
    }
    const { firstPrompt, firstTurn } = episode;
    const result = await this.#attribute(this.#student, firstPrompt, firstTurn.tokenIds, {
      episode,
      signal,
    });
    this.counts.student += 1;
    this.#ofStudent.set(key, result);
    return result;
  }

  async #explainByTeacher(
    episode: PlayedEpisode<Prompt>,
    signal: AbortSignal,
  ): Promise<AttributionResult> {
    const { who, attribution, span } = this.#settings;
    const call = who === 'own-calls' ? null : episode.firstTurn.tokenIds;
    const settings = describeOptions(attribution);
    const { task } = episode;
    const key = hashOf([
      this.#teacher.id,
      this.#teacher.dtype ?? null,
      hashTask(task),
      toolDefinitions(this.#tools, task.toolNames),
      call,
      settings,
      span,
      this.#seed,
    ]);
    const known = this.#ofTeacher.get(key) ?? (await this.#disk?.get(key)) ?? null;
    if (known !== null) {
      this.#ofTeacher.set(key, known);
      this.counts.teacherCached += 1;
      return known;
    }
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) {
      const result = await underWay;
      this.counts.teacherCached += 1;
      return result;
    }
    const making = this.#makeByTeacher(episode, call, signal);
    this.#underWay.set(key, making);
    try {
      const result = await making;
      this.counts.teacher += 1;
      this.#ofTeacher.set(key, result);
      await this.#disk?.append(key, result);
      return result;
    } finally {
      this.#underWay.delete(key);
    }
  }

  /** @param call The student's call, or `null` for the teacher's own. */
  async #makeByTeacher(
    episode: PlayedEpisode<Prompt>,
    call: readonly number[] | null,
    signal: AbortSignal,
  ): Promise<AttributionResult> {
    const prompt = await this.#encodeForTeacher(episode.task);
    const completion =
      call === null
        ? await this.#ownCall(prompt, signal)
        : translateCall(this.#student, this.#teacher, call);
    return this.#attribute(this.#teacher, prompt, completion, { episode, signal });
  }

  async #encodeForTeacher({ messages, toolNames }: IapoTask): Promise<TeacherPrompt> {
    return this.#teacher.encode(messages, { tools: toolDefinitions(this.#tools, toolNames) });
  }

  /** The teacher's most probable turn. */
  async #ownCall(prompt: TeacherPrompt, signal: AbortSignal): Promise<readonly number[]> {
    if (this.#teacher.sample === undefined) {
      throw new IapoError(
        'missing-input',
        `\`who: 'own-calls'\` needs a teacher that samples; "${this.#teacher.id}" has no \`sample\`.`,
      );
    }
    const [[completion] = []] = await this.#teacher.sample([prompt], {
      seeds: [[0]],
      maxNewTokens: 256,
      temperature: 0,
      signal,
    });
    if (completion === undefined || completion.tokenIds.length === 0) {
      throw new IapoError('model-output', `The teacher "${this.#teacher.id}" made no call.`);
    }
    return completion.tokenIds;
  }

  async #attribute<P extends AgentPrompt>(
    model: ExplainedModel<P>,
    prompt: P,
    completion: readonly number[],
    { episode, signal }: { episode: PlayedEpisode<Prompt>; signal: AbortSignal },
  ): Promise<AttributionResult> {
    const { attribution, span, who } = this.#settings;
    const isStudentsCall = who === 'student-call' || Object.is(model, this.#student);
    return await attribute(model, attributionInput(model, prompt, completion), {
      ...(span === 'call' && isStudentsCall
        ? { tokenWeights: callWeights(episode, tokenTexts(model, completion)) }
        : {}),
      ...attribution,
      seed: splitSeed(this.#seed, 'attribution'),
      signal,
    });
  }
}
