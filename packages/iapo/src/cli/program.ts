import { Command, CommanderError } from 'commander';
import { messageOf } from '../errors.js';
import { addAttribute } from './commands/attribute.js';
import { addDemo } from './commands/demo.js';
import { addEval } from './commands/eval.js';
import { addInit } from './commands/init.js';
import { addReport } from './commands/report.js';
import { addTrain } from './commands/train.js';
import { type ExitCode, exitCodeOf, exitCodes } from './exit-codes.js';
import type { Terminal } from './terminal.js';

/**
 * Runs a command line.
 *
 * @param words Without node and script, e.g. `['train', '--resume']`.
 * @returns The exit code; errors have been printed.
 */
export async function runCommandLine(
  words: readonly string[],
  terminal: Terminal,
  version: string,
): Promise<ExitCode> {
  let code: ExitCode = exitCodes.done;
  const program = new Command('iapo')
    .description(
      'Trains small vision-language models to use visual tools, beside a stronger teacher.',
    )
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(iapo --help says more)')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err });
  addDemo(program, terminal, (ended) => {
    code = ended;
  });
  addInit(program, terminal);
  addTrain(program, terminal, (ended) => {
    code = ended;
  });
  addEval(program, terminal);
  addAttribute(program, terminal);
  addReport(program, terminal);
  for (const command of program.commands) {
    command.exitOverride().configureOutput({ writeOut: terminal.out, writeErr: terminal.err });
    command.showHelpAfterError(`(iapo ${command.name()} --help says more)`);
  }
  try {
    await program.parseAsync([...words], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed it; help and version come this way as well.
      return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    }
    const { code: failed, isKnown } = exitCodeOf(error);
    const text =
      isKnown || !(error instanceof Error) ? messageOf(error) : (error.stack ?? error.message);
    terminal.err(`${terminal.colors.red('error:')} ${text}\n`);
    return failed;
  }
}
