import { createColors } from 'picocolors';
import { runCommandLine } from '../../src/cli/program.js';
import type { Terminal } from '../../src/cli/terminal.js';

/** A terminal that keeps what is written to it. */
export function fakeTerminal(
  isInteractive = false,
): Terminal & { readonly text: { out: string; err: string } } {
  const text = { out: '', err: '' };
  return {
    text,
    out: (more) => {
      text.out += more;
    },
    err: (more) => {
      text.err += more;
    },
    isInteractive,
    columns: () => 60,
    colors: createColors(false),
  };
}

/** Runs a command line without a terminal. */
export async function iapo(
  ...words: string[]
): Promise<{ code: number; out: string; err: string }> {
  const terminal = fakeTerminal();
  const code = await runCommandLine(words, terminal, '0.1.0');
  return { code, ...terminal.text };
}
