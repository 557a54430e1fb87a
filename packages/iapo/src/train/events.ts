import type { RefusedCheckpoint } from '@iapo/rl-core';
import type { MissingReason } from '../reward/missing-penalties.js';

/** Values by name; `null` where there was nothing to measure. */
export type Metrics = Readonly<Record<string, number | null>>;

/** Times and what depends on them; everything else in an event is the same for the same seed. */
export interface IapoClock {
  /** ISO 8601. */
  readonly time: string;
  /** Since this process began the run. */
  readonly elapsedMs: number;
  /** Estimated from the steps done in this process; `null` before the first. */
  readonly remainingMs: number | null;
  /** Milliseconds of each phase of the step, at its end. */
  readonly phases?: Readonly<Record<string, number>>;
  /** Explanations made and remembered so far in this process. */
  readonly explanations?: Readonly<Record<string, number>>;
}

/** Mean shares of the blocks, student and teacher on the same calls. */
export interface BlockMeans {
  readonly student: Readonly<Record<string, number>>;
  readonly teacher: Readonly<Record<string, number>>;
}

/** Something that the one who runs it should know. */
export type WarningCode = 'penalty-decides' | 'no-explanation' | 'no-signal';

/** What is written to `events.jsonl`. Steps count from 1. */
export type RecordedIapoEvent =
  | {
      readonly type: 'rollout-end';
      readonly step: number;
      readonly episodes: number;
      readonly metrics: Metrics;
    }
  | {
      readonly type: 'explanations-end';
      readonly step: number;
      /** Calls without an equal one before them in the batch. */
      readonly distinctCalls: number;
      /** Of those, calls that were to be explained. */
      readonly chosen: number;
      /** Rollouts without a usable explanation, by reason. */
      readonly missing: Readonly<Record<MissingReason, number>>;
      /** What went wrong, the first few. */
      readonly failures: readonly { readonly taskId: string; readonly reason: string }[];
    }
  | {
      readonly type: 'warning';
      readonly step: number;
      readonly code: WarningCode;
      readonly message: string;
    }
  | {
      readonly type: 'update-end';
      readonly step: number;
      readonly update: number;
      readonly loss: number;
      readonly gradientNorm: number;
      readonly learningRate: number;
      readonly metrics: Metrics;
    }
  | {
      readonly type: 'update-skipped';
      readonly step: number;
      readonly update: number;
      readonly reason: 'no-signal' | 'non-finite';
      readonly message: string;
    }
  | {
      readonly type: 'step-end';
      readonly step: number;
      readonly metrics: Metrics;
      /** `null` in a step without explanations. */
      readonly blocks: BlockMeans | null;
    }
  | { readonly type: 'run-end'; readonly step: number };

/** What only the one who iterates sees, because it belongs to this process and not to the run. */
export type SessionIapoEvent =
  | {
      readonly type: 'run-start';
      readonly step: number;
      readonly totalSteps: number;
      /** Trainable numbers. */
      readonly parameters: number;
      readonly resumedFrom: number | null;
    }
  | ({ readonly type: 'checkpoint-refused' } & RefusedCheckpoint)
  | { readonly type: 'run-paused'; readonly step: number }
  | { readonly type: 'checkpoint-saved'; readonly step: number; readonly path: string };

/** Everything that `trainIapo` yields. */
export type IapoEvent = (RecordedIapoEvent | SessionIapoEvent) & { readonly clock: IapoClock };
