/**
 * The least processor time in milliseconds of several runs. Wall time would measure what else the
 * machine is doing; the least run is the one without a collection or a compilation in it.
 */
export function leastCpuMs(run: () => unknown, tries = 4): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries; i++) {
    const start = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}
