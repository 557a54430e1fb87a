import { type Schedule, type ScheduleName, schedules } from '@iapo/rl-core';
import { IapoError, lookUp } from '../errors.js';

/** λ over a run. */
export interface PenaltyWeightOptions {
  /** λ at its greatest. Default 0.5; not stated in the paper. */
  readonly lambda?: number;
  /** How λ moves over the run. Default `constant`; not stated in the paper. */
  readonly lambdaSchedule?: ScheduleName | Schedule;
  /** Steps over which λ rises from 0. Default 0. */
  readonly lambdaWarmupSteps?: number;
  /** λ at the end of a falling schedule, as a share of `lambda`. Default 0. */
  readonly lambdaMinimumFactor?: number;
}

/** Where a run stands. */
export interface RunPosition {
  /** From 1. */
  readonly step: number;
  readonly totalSteps: number;
}

/**
 * λ at a step. Step 1 with a warm-up of k steps has λ/k, so that no step is lost to a weight of 0.
 *
 * @throws {IapoError} `invalid-option` for a negative λ: that would reward being unlike the teacher.
 */
export function penaltyWeight(options: PenaltyWeightOptions, position: RunPosition | null): number {
  const { lambda = 0.5, lambdaWarmupSteps = 0, lambdaMinimumFactor = 0 } = options;
  if (!(lambda >= 0 && Number.isFinite(lambda))) {
    throw new IapoError('invalid-option', `\`lambda\` must be at least 0, got ${lambda}.`);
  }
  if (position === null) return lambda;
  const { step, totalSteps } = position;
  if (step <= lambdaWarmupSteps) return (lambda * step) / lambdaWarmupSteps;
  const schedule = lookUp<Schedule>('schedule', schedules, options.lambdaSchedule ?? 'constant');
  return (
    lambda *
    schedule.factor(step - 1, {
      totalSteps,
      warmupSteps: lambdaWarmupSteps,
      minimumFactor: lambdaMinimumFactor,
    })
  );
}
