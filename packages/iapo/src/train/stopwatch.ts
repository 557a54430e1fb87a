/** Adds up how long the phases of a step take. */
export class Stopwatch {
  readonly #clock: () => number;
  #phases: Record<string, number> = {};

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  async measure<T>(phase: string, work: () => Promise<T>): Promise<T> {
    const start = this.#clock();
    try {
      return await work();
    } finally {
      this.#phases[phase] = (this.#phases[phase] ?? 0) + this.#clock() - start;
    }
  }

  /** Milliseconds by phase; starts anew. */
  take(): Readonly<Record<string, number>> {
    const phases = this.#phases;
    this.#phases = {};
    return phases;
  }
}
