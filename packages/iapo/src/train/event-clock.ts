import type { IapoClock } from './events.js';

/** The clock of events: remaining time from the mean of the steps done in this process. */
export function stamper(
  { clock, steps }: { readonly clock: () => number; readonly steps: number },
  firstStep: number,
): (step: number) => IapoClock {
  const start = clock();
  return (step) => {
    const now = clock();
    const done = step - firstStep;
    return {
      time: new Date(now).toISOString(),
      elapsedMs: now - start,
      remainingMs: done === 0 ? null : ((now - start) / done) * (steps - step),
    };
  };
}
