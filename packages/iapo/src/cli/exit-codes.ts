import { AttributionError } from '@iapo/attribution';
import { RlError } from '@iapo/rl-core';
import { VqaToolError } from '@iapo/vqa-tools';
import { IapoError } from '../errors.js';

/** What `iapo` ends with. */
export const exitCodes = {
  /** All went well. */
  done: 0,
  /** It was started rightly and failed. */
  failed: 1,
  /** The command line or the configuration is wrong; nothing was done. */
  usage: 2,
  /** Stopped by Ctrl-C after saving; `--resume` continues. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const usageCodes: ReadonlySet<string> = new Set([
  'invalid-option',
  'unknown-name',
  'config-not-found',
  'config-invalid',
  'run-not-found',
  'invalid-argument',
  'run-exists',
  'config-mismatch',
  'bad-option',
  'bad-argument',
]);

/** The exit code of an error, and whether its message is enough: an unknown error also shows where it came from. */
export function exitCodeOf(error: unknown): { code: ExitCode; isKnown: boolean } {
  const isOurs = [IapoError, RlError, VqaToolError, AttributionError].some(
    (known) => error instanceof known,
  );
  const code: unknown = error instanceof Error && 'code' in error ? error.code : null;
  const isUsage = isOurs && typeof code === 'string' && usageCodes.has(code);
  // Model adapters have an error class of their own, with a code as well.
  return { code: isUsage ? exitCodes.usage : exitCodes.failed, isKnown: typeof code === 'string' };
}
