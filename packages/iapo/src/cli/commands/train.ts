import { join, relative } from 'node:path';
import { RlError } from '@iapo/rl-core';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load-config.js';
import { type OpenedConfig, openConfig } from '../../config/open-config.js';
import { IapoError } from '../../errors.js';
import { writeReport } from '../../report/write-report.js';
import type { IapoEvent } from '../../train/events.js';
import { trainIapo } from '../../train/train-iapo.js';
import { type StageName, trainStages } from '../../train/train-stages.js';
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
        const session = {
          resume: flags.resume ?? false,
          signal: interrupts.abort,
          pause: interrupts.pause,
        };
        const folders = new Set<string>();
        const events =
          opened.stages === null
            ? trainIapo({ ...options, ...session })
            : stageEvents(opened, session, (stage, folder) => {
                folders.add(folder);
                status.print(`Stage ${stage}`);
              });
        const isPaused = await tell(events, { status, terminal, json: flags.json ?? false });
        const { runFolder } = options;
        if (runFolder !== null && runFolder !== undefined) {
          await opened.saveAdapter?.(join(runFolder, 'adapter'));
          for (const folder of opened.stages === null ? [runFolder] : folders) {
            const { path } = await writeReport(folder);
            status.print(`Report: ${relative('.', path)}`);
          }
        }
        if (isPaused) {
          status.print('Saved. Continue with: iapo train --resume');
          finish(exitCodes.interrupted);
        }
      } catch (error) {
        status.end();
        if (error instanceof RlError && error.code === 'run-exists') {
          throw new IapoError(
            'invalid-option',
            `There is already a run in ${relative('.', opened.options.runFolder ?? '.')}. Continue it with --resume, or choose another folder with --set runFolder=….`,
            { cause: error },
          );
        }
        if (!interrupts.abort.aborted) throw error;
        status.print('Stopped. The last checkpoint stands; continue with: iapo train --resume');
        finish(exitCodes.interrupted);
      } finally {
        interrupts.dispose();
        await opened.dispose();
      }
    });
}

/** The events of all stages, as of one run. */
async function* stageEvents(
  { options, stages, newOptimizer }: OpenedConfig,
  session: { readonly resume: boolean; readonly signal: AbortSignal; readonly pause: AbortSignal },
  onStage: (stage: StageName, folder: string) => void,
): AsyncGenerator<IapoEvent, void, void> {
  const { teacher, runFolder, optimizer: _, ...shared } = options;
  if (teacher === null || teacher === undefined) {
    throw new IapoError('missing-input', 'The configuration has `stages` and no `teacher`.');
  }
  if (runFolder === null || runFolder === undefined) {
    throw new IapoError('missing-input', 'The configuration has `stages` and no `runFolder`.');
  }
  const events = trainStages({
    ...shared,
    ...session,
    teacher,
    runFolder,
    stages: stages ?? {},
    ...(newOptimizer === null ? {} : { newOptimizer }),
  });
  let current: StageName | null = null;
  for await (const { stage, event } of events) {
    if (stage !== current) onStage(stage, join(runFolder, stage));
    current = stage;
    yield event;
  }
}

/** @returns Whether the run was paused. */
async function tell(
  events: AsyncIterable<IapoEvent>,
  { status, terminal, json }: { status: StatusLine; terminal: Terminal; json: boolean },
): Promise<boolean> {
  let accuracies: (number | null)[] = [];
  const warned = new Set<string>();
  let totalSteps = 0;
  let isPaused = false;
  for await (const event of events) {
    if (json) terminal.out(`${JSON.stringify(event)}\n`);
    if (event.type === 'run-start') {
      totalSteps = event.totalSteps;
      accuracies = [];
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
