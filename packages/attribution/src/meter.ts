/** Model work done: a forward and a backward are counted per point and completion, not per batched call. */
export interface Cost {
  readonly forwards: number;
  readonly backwards: number;
  /** Batched calls of the model. */
  readonly calls: number;
  /** Wall-clock seconds of the whole attribution; the only field of a result that differs between equal runs. */
  readonly seconds: number;
}

/** Forwards and backwards that a method will need at most. */
export interface CostEstimate {
  readonly forwards: number;
  readonly backwards: number;
}

export interface AttributionProgress {
  readonly forwardsDone: number;
  /** Upper bound: adaptive steps may stop earlier. */
  readonly forwardsTotal: number;
  readonly elapsedSeconds: number;
  /** From the mean time of a forward so far; `null` before the first one is done. */
  readonly remainingSeconds: number | null;
}

/** Counts model work and reports progress. */
export class Meter {
  forwards = 0;
  backwards = 0;
  calls = 0;
  readonly #clock: () => number;
  readonly #start: number;
  readonly #total: number;
  readonly #onProgress: ((progress: AttributionProgress) => void) | undefined;

  constructor(options: {
    clock: () => number;
    forwardsTotal: number;
    onProgress?: ((progress: AttributionProgress) => void) | undefined;
  }) {
    this.#clock = options.clock;
    this.#start = options.clock();
    this.#total = options.forwardsTotal;
    this.#onProgress = options.onProgress;
  }

  count(work: { forwards: number; backwards: number }): void {
    this.forwards += work.forwards;
    this.backwards += work.backwards;
    this.calls += 1;
    if (this.#onProgress === undefined) return;
    const elapsedSeconds = this.#elapsedSeconds();
    const left = Math.max(0, this.#total - this.forwards);
    this.#onProgress({
      forwardsDone: this.forwards,
      forwardsTotal: Math.max(this.#total, this.forwards),
      elapsedSeconds,
      remainingSeconds: this.forwards === 0 ? null : (elapsedSeconds / this.forwards) * left,
    });
  }

  cost(): Cost {
    return {
      forwards: this.forwards,
      backwards: this.backwards,
      calls: this.calls,
      seconds: this.#elapsedSeconds(),
    };
  }

  #elapsedSeconds(): number {
    return (this.#clock() - this.#start) / 1000;
  }
}
