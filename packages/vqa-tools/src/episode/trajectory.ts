import type { ImageReference, ParsedToolCalls, ToolCall } from '../calls/types.js';
import type { Raster } from '../image/raster.js';

/** How one tool call went. */
export type CallOutcome =
  | { readonly ok: true; readonly text: string | null; readonly imageIndex: number | null }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** One call with what became of it. */
export interface ExecutedCall {
  readonly call: ToolCall;
  readonly outcome: CallOutcome;
}

/** A stretch of tokens by one author. */
export interface TokenSegment {
  readonly author: 'model' | 'tool';
  readonly turn: number;
  readonly text: string;
  readonly tokenIds: readonly number[];
  /** For the model's tokens in nats; 0 for each of the tool's, which nobody sampled. */
  readonly logprobs: readonly number[];
  /** 1 where the token is the model's and may be trained on, 0 where it came from a tool. */
  readonly mask: readonly (0 | 1)[];
}

/** One turn of the model and what followed from it. */
export interface EpisodeTurn {
  readonly turn: number;
  readonly text: string;
  readonly finishReason: 'stop' | 'length';
  /** What was read from the text. */
  readonly parse: Pick<ParsedToolCalls, 'ok' | 'failure' | 'repairs' | 'display'>;
  readonly calls: readonly ExecutedCall[];
}

/** Why an episode ended. */
export type EpisodeEnd = 'answer' | 'max-turns' | 'max-tokens' | 'time-limit';

/** Everything that happened in an episode, as plain data. */
export interface Trajectory {
  readonly version: 1;
  readonly taskId: string;
  readonly seed: number;
  readonly end: EpisodeEnd;
  /** The last turn's text where the model answered, else null. */
  readonly answer: string | null;
  readonly promptTokenIds: readonly number[];
  /** Model and tool tokens after the prompt, in order. */
  readonly segments: readonly TokenSegment[];
  readonly turns: readonly EpisodeTurn[];
  /** The task's images, then those that tools made, in order. */
  readonly images: readonly Raster[];
  /** How many images the task brought. */
  readonly taskImages: number;
  readonly counts: EpisodeCounts;
}

/** What the logs of a training run want to know. */
export interface EpisodeCounts {
  /** Turns in which the model tried to call a tool. */
  readonly attempted: number;
  readonly calls: number;
  readonly failedCalls: number;
  /** Texts that meant a call but could not be read. */
  readonly failedParses: number;
  readonly modelTokens: number;
  readonly toolTokens: number;
}

/** The image that a reference means, as an index into `Trajectory.images`, or null. */
export function resolveImage(
  reference: ImageReference | undefined,
  { images, resultOfCall }: { images: number; resultOfCall: readonly (number | null)[] },
): number | null {
  if (reference === undefined) return images > 0 ? images - 1 : null;
  if (reference.kind === 'call') return resultOfCall[reference.index] ?? null;
  return reference.index < images ? reference.index : null;
}
