import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Prints and keeps how far a run is, with the time that is left at the pace of the last steps. */
export class Progress {
  readonly #path: string;
  readonly #durations: number[] = [];

  constructor(runFolder: string) {
    this.#path = join(runFolder, 'progress.json');
  }

  /** @param line What the step gave, for people. */
  report(
    {
      step,
      steps,
      durationMs,
    }: { readonly step: number; readonly steps: number; readonly durationMs: number },
    line: string,
  ): void {
    this.#durations.push(durationMs);
    if (this.#durations.length > 50) this.#durations.shift();
    const mean = this.#durations.reduce((sum, ms) => sum + ms, 0) / this.#durations.length;
    const minutesLeft = ((steps - step) * mean) / 60_000;
    if (step % 10 !== 0 && step !== steps) return;
    const text = `${step}/${steps} ${line} · ${(mean / 1000).toFixed(2)} s a step · ${minutesLeft.toFixed(1)} min left`;
    writeFileSync(this.#path, `${JSON.stringify({ step, steps, minutesLeft, line })}\n`);
    console.log(text);
  }
}
