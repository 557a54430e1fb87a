import { RlError } from '../errors.js';
import type { ScheduleOptions } from './types.js';

/** Share of the decay that lies behind `step`, from 0 at the end of the warm-up to 1 at the end of the run. */
export function decayProgress(
  step: number,
  { totalSteps, warmupSteps = 0 }: ScheduleOptions,
): number {
  return Math.min(Math.max((step - warmupSteps) / Math.max(1, totalSteps - warmupSteps), 0), 1);
}

/**
 * step/warmupSteps during the warm-up (so the first step has 0, as in transformers), null after it.
 * @throws {RlError} `invalid-argument` for counts that are not whole numbers of at least 0.
 */
export function warmupFactor(step: number, options: ScheduleOptions): number | null {
  const { totalSteps, warmupSteps = 0 } = options;
  for (const [name, value] of Object.entries({ step, totalSteps, warmupSteps })) {
    if (!Number.isInteger(value) || value < 0) {
      throw new RlError(
        'invalid-argument',
        `\`${name}\` must be an integer of at least 0, got ${value}.`,
      );
    }
  }
  return step < warmupSteps ? step / Math.max(1, warmupSteps) : null;
}
