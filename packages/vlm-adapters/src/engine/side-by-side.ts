/** Waits for all, also when one fails: what a caller hears of is over, and no run goes on behind it. */
export async function allSettledOrThrow<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/**
 * Runs jobs in waves of one job a lane, and hands their results on in the order of the jobs, so that sums of them
 * do not depend on which lane was faster.
 */
export async function inLanes<Job, Result>(
  jobs: readonly Job[],
  lanes: number,
  {
    run,
    add,
    signal,
  }: {
    readonly run: (job: Job, lane: number) => Promise<Result>;
    readonly add: (job: Job, result: Result) => Promise<void> | void;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<void> {
  for (let start = 0; start < jobs.length; start += lanes) {
    signal?.throwIfAborted();
    const wave = jobs.slice(start, start + lanes);
    const results = await allSettledOrThrow(wave.map(run));
    for (const [index, job] of wave.entries()) await add(job, results[index] as Result);
  }
}
