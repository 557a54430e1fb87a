import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load-config.js';
import { openConfig } from '../../config/open-config.js';
import { writeReport } from '../../report/write-report.js';
import type { IapoEvent } from '../../train/events.js';
import { trainIapo } from '../../train/train-iapo.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { listenForInterrupts } from '../interrupts.js';
import { StatusLine } from '../status-line.js';
import { stepStatus } from '../step-status.js';
import type { Terminal } from '../terminal.js';
import { type ConfigFlags, configArguments, withConfig } from './shared-options.js';

interface TrainFlags extends ConfigFlags {
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** `iapo train`: a run as its configuration says, and its report. */
export function addTrain(
  program: Command,
  terminal: Terminal,
  finish: (code: ExitCode) => void,
): void {
  withConfig(program.command('train'))
    .description(
      'train as the configuration says; Ctrl-C saves and stops, a second one stops at once',
    )
    .option('--resume', 'continue the run in its folder, if there is one')
    .option('--json', 'print each event as a line of JSON')
    .action(async (flags: TrainFlags) => {
      const loaded = await loadConfig(configArguments(flags));
      const opened = await openConfig(loaded.config, loaded.folder, { skip: ['validation'] });
      const status = new StatusLine(terminal);
      const interrupts = listenForInterrupts(() =>
        status.print('Stopping after this step. Press Ctrl-C again to stop at once.'),
      );
      try {
        const { options } = opened;
        const events = trainIapo({
          ...options,
          resume: flags.resume ?? false,
          signal: interrupts.abort,
          pause: interrupts.pause,
        });
        const isPaused = await tell(events, { status, terminal, json: flags.json ?? false });
        if (options.runFolder !== null && options.runFolder !== undefined) {
          await opened.saveAdapter?.(join(options.runFolder, 'adapter'));
          const { path } = await writeReport(options.runFolder);
          status.print(`Report: ${relative('.', path)}`);
        }
        if (isPaused) {
          status.print('Saved. Continue with: iapo train --resume');
          finish(exitCodes.interrupted);
        }
      } catch (error) {
        status.end();
        if (!interrupts.abort.aborted) throw error;
        status.print('Stopped. The last checkpoint stands; continue with: iapo train --resume');
        finish(exitCodes.interrupted);
      } finally {
        interrupts.dispose();
        await opened.dispose();
      }
    });
}

/** @returns Whether the run was paused. */
async function tell(
  events: AsyncIterable<IapoEvent>,
  { status, terminal, json }: { status: StatusLine; terminal: Terminal; json: boolean },
): Promise<boolean> {
  const accuracies: (number | null)[] = [];
  const warned = new Set<string>();
  let totalSteps = 0;
  let isPaused = false;
  for await (const event of events) {
    if (json) terminal.out(`${JSON.stringify(event)}\n`);
    if (event.type === 'run-start') {
      totalSteps = event.totalSteps;
      const from = event.resumedFrom === null ? '' : `, from step ${event.resumedFrom}`;
      if (!json) status.print(`${event.parameters} numbers to train, ${totalSteps} steps${from}`);
    } else if (event.type === 'warning' && !json) {
      // One that holds in every step is told once.
      if (!warned.has(event.code)) status.print(terminal.colors.yellow(event.message));
      warned.add(event.code);
    } else if (event.type === 'update-skipped' && event.reason === 'non-finite' && !json) {
      status.print(terminal.colors.yellow(`Update skipped: ${event.message}`));
    } else if (event.type === 'checkpoint-refused' && !json) {
      status.print(terminal.colors.yellow(`A damaged checkpoint was set aside: ${event.path}`));
    } else if (event.type === 'run-paused') {
      isPaused = true;
    } else if (event.type === 'step-end' && !json) {
      accuracies.push(event.metrics.accuracy ?? null);
      status.update(
        stepStatus(event.step, totalSteps, event.metrics, accuracies, event.clock.remainingMs),
      );
    }
  }
  status.end();
  return isPaused;
}
