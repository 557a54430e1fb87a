import type { RefusedCheckpoint } from '../runs/checkpoint.js';

export type Metrics = Readonly<Record<string, number | null>>;

/** Times, which differ from run to run; everything else in an event does not. */
export interface EventClock {
  /** ISO 8601. */
  readonly time: string;
  /** Since this process began the run. */
  readonly elapsedMs: number;
  /** Estimated from the steps done in this process; null before the first. */
  readonly remainingMs: number | null;
}

/** Which sample an event is about. */
export interface SampleIdentity {
  readonly promptIndex: number;
  readonly sampleIndex: number;
}

/** What is written to `events.jsonl`. Steps count from 1. */
export type RecordedEvent =
  | {
      readonly type: 'rollout-end';
      readonly step: number;
      readonly epoch: number;
      readonly groups: number;
      readonly sequences: number;
      readonly tokens: number;
      /** Groups that dynamic sampling threw away. */
      readonly droppedGroups: number;
      readonly metrics: Metrics;
    }
  | {
      /** Groups whose rewards are all equal: they teach nothing. */
      readonly type: 'groups-without-spread';
      readonly step: number;
      readonly promptIndices: readonly number[];
    }
  | {
      readonly type: 'update-end';
      readonly step: number;
      /** Updates so far, over the run. */
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
      readonly reason: 'no-signal' | 'non-finite' | 'stale';
    }
  | {
      /** A sample left out of an update because a number of it was not finite. */
      readonly type: 'samples-skipped';
      readonly step: number;
      readonly samples: readonly SampleIdentity[];
      readonly reason: string;
    }
  | { readonly type: 'step-end'; readonly step: number; readonly metrics: Metrics }
  | {
      readonly type: 'run-end';
      readonly step: number;
      readonly reason: 'completed' | 'prompts-exhausted';
    };

/** What only the one who iterates sees, because it belongs to this process and not to the run. */
export type SessionEvent =
  | {
      readonly type: 'run-start';
      readonly step: number;
      readonly totalSteps: number;
      /** Trainable numbers. */
      readonly parameters: number;
      readonly resumedFrom: number | null;
    }
  | ({ readonly type: 'checkpoint-refused' } & RefusedCheckpoint)
  | { readonly type: 'checkpoint-saved'; readonly step: number; readonly path: string };

/** Everything that `train` yields. */
export type TrainEvent = (RecordedEvent | SessionEvent) & { readonly clock: EventClock };
