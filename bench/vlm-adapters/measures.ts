import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

export const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** Median of the ratios of turns: what else the machine does weighs on both sides of one turn. */
export const medianRatio = (a: readonly number[], b: readonly number[]): number =>
  median(a.map((value, index) => value / (b[index] ?? Number.NaN)));

/** Memory of this process in MiB: at this moment, or the most so far. */
export function memoryMebibytes(field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
}

export async function timed<T>(run: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const start = performance.now();
  const result = await run();
  return { ms: performance.now() - start, result };
}

export const machine: string = `${cpus().length} cores (${cpus()[0]?.model}), Node ${process.versions.node}`;
