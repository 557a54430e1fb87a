import type { ImageMetadata } from '../boxes/metadata.js';
import type { ToolCallDialectName } from '../calls/dialects/index.js';
import { parseToolCalls } from '../calls/parse-tool-calls.js';
import { runToolCall } from '../calls/run-tool-call.js';
import type { ParsedToolCalls, ToolCallDialect } from '../calls/types.js';
import { messageOf, VqaToolError } from '../errors.js';
import type { Raster } from '../image/raster.js';
import { visualTools } from '../tools/index.js';
import { toolDefinitions } from '../tools/tool-definition.js';
import type { ToolContext, ToolTable } from '../tools/visual-tool.js';
import { failureObservation, successObservation } from './observation.js';
import type { EpisodeMessage, EpisodePolicy, PolicySession } from './policy.js';
import {
  type EpisodeEnd,
  type EpisodeTurn,
  type ExecutedCall,
  resolveImage,
  type TokenSegment,
  type Trajectory,
} from './trajectory.js';

/** What an episode is about. */
export interface EpisodeTask {
  readonly id: string;
  /** The conversation so far; its images are the task's images, in order. */
  readonly messages: readonly EpisodeMessage[];
  /** The boxes of the first image. */
  readonly metadata?: ImageMetadata;
}

/** Options of {@link runEpisode}. */
export interface EpisodeOptions extends Pick<ToolContext, 'profile' | 'ocr'> {
  /** Default {@link visualTools}. */
  readonly tools?: ToolTable;
  /** Which of the tools the model is told about; the others are unknown to it. Default: all. */
  readonly toolNames?: readonly string[];
  readonly dialect?: ToolCallDialectName | ToolCallDialect;
  readonly lenient?: boolean;
  /** Most turns of the model. Default 2: a call, then the answer, as in VTool-R1 and IAPO. */
  readonly maxTurns?: number;
  /** Most tokens after the prompt, tool tokens included, as TRL counts them. Default 2,048. */
  readonly maxTokens?: number;
  /** Wall-clock limit in milliseconds. Default none. What was reached in time is kept. */
  readonly timeoutMs?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/**
 * Plays one episode: the model's turn is read for tool calls, the tools edit the image, the result
 * goes back as an observation, until the model answers or a limit is met. A call that cannot be
 * read or fails gives an observation that says so, and is counted; nothing is thrown for it.
 *
 * The tools are pure and the limits are counts, so the same policy and seed give the same
 * trajectory; only `timeoutMs` depends on the machine.
 *
 * @throws {VqaToolError} `bad-argument` for limits below 1. The signal's reason when aborted.
 * @throws Whatever the policy throws: a broken model is no wrong answer.
 */
export async function runEpisode(
  policy: EpisodePolicy,
  task: EpisodeTask,
  options: EpisodeOptions = {},
): Promise<Trajectory> {
  const { maxTurns = 2, maxTokens = 2048, seed = 0, timeoutMs } = options;
  assertLimits({ maxTurns, maxTokens });
  const timeout = timeoutMs === undefined ? null : AbortSignal.timeout(timeoutMs);
  const signals = [options.signal, timeout].filter(
    (signal) => signal !== null && signal !== undefined,
  );
  const signal = signals.length === 0 ? new AbortController().signal : AbortSignal.any(signals);
  const tools = chooseTools(options);
  options.signal?.throwIfAborted();
  const session = await policy.begin({
    messages: task.messages,
    tools: toolDefinitions(tools),
    seed,
  });
  const state = newState(task, session);
  let end: EpisodeEnd = 'max-turns';
  try {
    for (let turn = 0; turn < maxTurns; turn++) {
      signal.throwIfAborted();
      const isLast = turn === maxTurns - 1;
      const outcome = await playTurn({
        state,
        session,
        turn,
        isLast,
        maxTokens,
        signal,
        tools,
        options,
      });
      if (outcome !== 'continue') {
        end = outcome;
        break;
      }
    }
  } catch (error) {
    if (timeout?.aborted !== true || options.signal?.aborted === true) throw error;
    end = 'time-limit';
  }
  return finish(state, { task, seed, end });
}

interface EpisodeState {
  readonly promptTokenIds: readonly number[];
  readonly images: Raster[];
  readonly taskImages: number;
  /** Boxes by image index. */
  readonly metadata: (ImageMetadata | undefined)[];
  readonly segments: TokenSegment[];
  readonly turns: EpisodeTurn[];
}

function newState(task: EpisodeTask, session: PolicySession): EpisodeState {
  const images = task.messages.flatMap(({ content }) =>
    content.flatMap((part) => (part.type === 'image' ? [part.image] : [])),
  );
  return {
    promptTokenIds: session.promptTokenIds,
    images: [...images],
    taskImages: images.length,
    metadata: images.map((_, index) => (index === 0 ? task.metadata : undefined)),
    segments: [],
    turns: [],
  };
}

async function playTurn({
  state,
  session,
  turn,
  isLast,
  maxTokens,
  signal,
  tools,
  options,
}: {
  state: EpisodeState;
  session: PolicySession;
  turn: number;
  isLast: boolean;
  maxTokens: number;
  signal: AbortSignal;
  tools: ToolTable;
  options: EpisodeOptions;
}): Promise<EpisodeEnd | 'continue'> {
  const left = maxTokens - tokenCount(state);
  const said = await session.generate({ turn, maxTokens: left, signal });
  state.segments.push({
    author: 'model',
    turn,
    text: said.text,
    tokenIds: said.tokenIds,
    logprobs: said.logprobs,
    mask: said.tokenIds.map(() => 1),
  });
  const parse = parseToolCalls(said.text, {
    ...(options.dialect && { dialect: options.dialect }),
    ...(options.lenient !== undefined && { lenient: options.lenient }),
    tools,
  });
  const isAnswer = parse.failure?.kind === 'no-call';
  const executed = parse.ok ? await runCalls(parse, { state, tools, signal, options }) : [];
  const { ok, failure, repairs, display } = parse;
  state.turns.push({
    turn,
    text: said.text,
    finishReason: said.finishReason,
    parse: { ok, failure, repairs, display },
    calls: executed,
  });
  if (said.finishReason === 'length') return 'max-tokens';
  if (isAnswer) return 'answer';
  if (isLast) return 'max-turns';
  const observation = parse.ok
    ? successObservation(parse, { executed, images: state.images })
    : failureObservation(parse.failure);
  const tokenIds = await session.observe([observation.message]);
  if (tokenCount(state) + tokenIds.length >= maxTokens) return 'max-tokens';
  state.segments.push({
    author: 'tool',
    turn,
    text: observation.text,
    tokenIds,
    logprobs: tokenIds.map(() => 0),
    mask: tokenIds.map(() => 0),
  });
  return 'continue';
}

async function runCalls(
  parse: ParsedToolCalls,
  {
    state,
    tools,
    signal,
    options,
  }: { state: EpisodeState; tools: ToolTable; signal: AbortSignal; options: EpisodeOptions },
): Promise<ExecutedCall[]> {
  const executed: ExecutedCall[] = [];
  const resultOfCall: (number | null)[] = [];
  // References to images mean those the model has seen, not those made within this turn.
  const seen = state.images.length;
  for (const call of parse.calls) {
    signal.throwIfAborted();
    const index = resolveImage(call.image, { images: seen, resultOfCall });
    const image = index === null ? undefined : state.images[index];
    if (index === null || image === undefined) {
      resultOfCall.push(null);
      const message = 'the image that the call names does not exist';
      executed.push({ call, outcome: { ok: false, code: 'bad-argument', message } });
      continue;
    }
    const metadata = state.metadata[index];
    try {
      const result = await runToolCall(call, image, {
        tools,
        signal,
        ...(options.profile && { profile: options.profile }),
        ...(options.ocr && { ocr: options.ocr }),
        ...(metadata && { metadata }),
      });
      if (result.image !== undefined) {
        state.images.push(result.image);
        state.metadata.push(result.metadata ?? metadata);
      }
      const imageIndex = result.image === undefined ? null : state.images.length - 1;
      resultOfCall.push(imageIndex);
      executed.push({ call, outcome: { ok: true, text: result.text ?? null, imageIndex } });
    } catch (error) {
      signal.throwIfAborted();
      resultOfCall.push(null);
      const code = error instanceof VqaToolError ? error.code : 'tool-failed';
      executed.push({ call, outcome: { ok: false, code, message: messageOf(error) } });
    }
  }
  return executed;
}

function tokenCount({ segments }: EpisodeState): number {
  return segments.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
}

function chooseTools({ tools = visualTools, toolNames }: EpisodeOptions): ToolTable {
  if (toolNames === undefined) return tools;
  toolDefinitions(tools, toolNames);
  return Object.fromEntries(Object.entries(tools).filter(([name]) => toolNames.includes(name)));
}

function assertLimits(limits: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new VqaToolError(
        'bad-argument',
        `\`${name}\` must be an integer of at least 1, got ${value}.`,
      );
    }
  }
}

function finish(
  state: EpisodeState,
  { task, seed, end }: { task: EpisodeTask; seed: number; end: EpisodeEnd },
): Trajectory {
  const { promptTokenIds, segments, turns, images, taskImages } = state;
  const calls = turns.flatMap((turn) => turn.calls);
  const tokensOf = (author: TokenSegment['author']): number =>
    segments.reduce((sum, s) => sum + (s.author === author ? s.tokenIds.length : 0), 0);
  const failedParses = turns.filter(
    ({ parse }) => !parse.ok && parse.failure?.kind !== 'no-call',
  ).length;
  return {
    version: 1,
    taskId: task.id,
    seed,
    end,
    answer: end === 'answer' ? (turns.at(-1)?.text ?? null) : null,
    promptTokenIds,
    segments,
    turns,
    images,
    taskImages,
    counts: {
      attempted: turns.filter(({ parse }) => parse.failure?.kind !== 'no-call').length,
      calls: calls.length,
      failedCalls: calls.filter(({ outcome }) => !outcome.ok).length,
      failedParses,
      modelTokens: tokensOf('model'),
      toolTokens: tokensOf('tool'),
    },
  };
}
