import { createColors } from 'picocolors';

type Colors = ReturnType<typeof createColors>;

/** Where a command writes. Made for the process by {@link processTerminal}; tests make their own. */
export interface Terminal {
  /** Results. */
  readonly out: (text: string) => void;
  /** Progress, warnings and errors. */
  readonly err: (text: string) => void;
  /** Whether progress may be drawn over. */
  readonly isInteractive: boolean;
  /** Width in characters. */
  readonly columns: () => number;
  readonly colors: Colors;
}

/** The process's own streams; no colors with `NO_COLOR` or without a terminal, no drawing in CI. */
export function processTerminal(environment: NodeJS.ProcessEnv = process.env): Terminal {
  const noColor = (environment.NO_COLOR ?? '') !== '';
  const isTerminal = process.stderr.isTTY === true;
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    isInteractive: isTerminal && (environment.CI ?? '') === '' && environment.TERM !== 'dumb',
    columns: () => process.stderr.columns ?? 80,
    colors: createColors(!noColor && (process.stdout.isTTY === true || isTerminal)),
  };
}
