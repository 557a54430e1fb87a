/** What a schedule may need. Steps are optimizer steps, counted from 0. */
export interface ScheduleOptions {
  /** Steps of the whole run. */
  readonly totalSteps: number;
  /** Steps over which the factor rises from 0 to 1. Default 0. */
  readonly warmupSteps?: number;
  /** Factor at the end, for those that decay. Default 0. */
  readonly minimumFactor?: number;
  /** Last steps of `wsd` over which the factor falls. Default: a tenth of the run. */
  readonly decaySteps?: number;
}

/** A learning rate over time, as a factor on the peak. */
export interface Schedule {
  readonly name: string;
  /** Formula and source. */
  readonly source: string;
  /** Factor for the step, in [0, 1]. */
  readonly factor: (step: number, options: ScheduleOptions) => number;
}
