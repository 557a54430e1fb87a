import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import type { Command } from 'commander';
import { blockBars } from '../../demo/block-bars.js';
import { type DemoEvent, runDemo } from '../../demo/run-demo.js';
import type { Evaluation } from '../../evaluate/evaluate.js';
import { type ExitCode, exitCodes } from '../exit-codes.js';
import { listenForInterrupts } from '../interrupts.js';
import { StatusLine } from '../status-line.js';
import { stepStatus } from '../step-status.js';
import type { Terminal } from '../terminal.js';
import { wholeNumber } from './shared-options.js';

interface DemoFlags {
  readonly steps: number;
  readonly tasks: number;
  readonly prompts: number;
  readonly seed: number;
  readonly out?: string;
  readonly student?: string;
  readonly teacher?: string;
  readonly json?: boolean;
}

/** `iapo demo`: the whole method on tiny models, offline. */
export function addDemo(
  program: Command,
  terminal: Terminal,
  finish: (code: ExitCode) => void,
): void {
  program
    .command('demo')
    .description('train a tiny model by IAPO, offline, in a few minutes')
    .option('--steps <steps>', 'IAPO steps', wholeNumber(1), 15)
    .option('--tasks <tasks>', 'tasks of both evaluations', wholeNumber(1), 200)
    .option('--prompts <prompts>', 'prompts a step, 8 rollouts each', wholeNumber(1), 8)
    .option('--seed <seed>', 'another one gives another run', wholeNumber(0), 0)
    .option('-o, --out <folder>', 'folder of the run (default: runs/demo, or the next one free)')
    .option('--student <folder>', 'another student than the tiny one')
    .option('--teacher <folder>', 'another teacher than the tiny one')
    .option('--json', 'print each event as a line of JSON')
    .action(async ({ json, out, prompts, ...flags }: DemoFlags) => {
      const status = new StatusLine(terminal);
      const stop = new AbortController();
      const interrupts = listenForInterrupts(() =>
        stop.abort(new Error('stopped by an interrupt')),
      );
      const started = Date.now();
      try {
        const runFolder = out ?? freeFolder('runs/demo');
        const events = runDemo({
          ...flags,
          runFolder,
          promptsPerStep: prompts,
          signal: stop.signal,
        });
        if (json === true) {
          for await (const event of events) terminal.out(`${JSON.stringify(event)}\n`);
        } else {
          await tell(events, { status, terminal, ...flags });
          const seconds = Math.round((Date.now() - started) / 1000);
          terminal.out(`\n${seconds} s in all. Every number above was computed in this run.\n`);
        }
      } catch (error) {
        status.end();
        if (!stop.signal.aborted) throw error;
        terminal.err('Stopped.\n');
        finish(exitCodes.interrupted);
      } finally {
        interrupts.dispose();
      }
    });
}

async function tell(
  events: AsyncIterable<DemoEvent>,
  where: {
    readonly status: StatusLine;
    readonly terminal: Terminal;
    readonly steps: number;
    readonly tasks: number;
  },
): Promise<void> {
  const { status, terminal, steps, tasks } = where;
  const { bold, dim, yellow } = terminal.colors;
  const print = (text = ''): void => terminal.out(`${text}\n`);
  const accuracies: (number | null)[] = [];
  for await (const event of events) {
    switch (event.type) {
      case 'models':
        print(
          bold('IAPO on SmallCharts: a tiny student learns to call visual tools beside a teacher.'),
        );
        print('Toy models that this repository trained: they show the method, not its worth.');
        print(`student  ${event.student}\nteacher  ${event.teacher}`);
        print(`\n${bold('Before')}: ${tasks} validation tasks, sampled at temperature 1`);
        break;
      case 'evaluation':
        if (event.who === 'trained') print(`\n${bold('After')}: the same tasks`);
        print(evaluationLine(event.who, event.evaluation));
        break;
      case 'explanation': {
        const { explanation } = event;
        print(`\n${bold('What drove one of the student’s calls')} (integrated gradients)`);
        if (explanation === null) {
          print('There is no explanation: the student made no call that could be explained.');
        } else {
          print(dim(`${explanation.request}\n${explanation.call.trim()}`));
          const { blocks, student, teacher, divergence } = explanation;
          for (const line of blockBars(blocks, student, teacher)) print(line);
          print(`KL(student ‖ teacher) ${divergence.toFixed(4)} nats`);
        }
        print(`\n${bold('Training')}: ${steps} IAPO steps of a LoRA adapter`);
        break;
      }
      case 'training': {
        const inner = event.event;
        if (inner.type !== 'step-end') break;
        accuracies.push(inner.metrics.accuracy ?? null);
        status.update(
          stepStatus(inner.step, steps, inner.metrics, accuracies, inner.clock.remainingMs),
        );
        if (inner.step === steps) status.end();
        break;
      }
      case 'comparison': {
        const { difference, interval } = event.difference;
        const points = (share: number): string =>
          `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(1)}`;
        const [low, high] = interval;
        print(
          `change    ${points(difference)} points [${points(low)}, ${points(high)}], paired bootstrap`,
        );
        if (low <= 0) print(yellow('So few steps did not raise the accuracy beyond chance.'));
        break;
      }
      case 'report':
        print(`\nReport: ${relative('.', event.path)}`);
        break;
      default:
        break;
    }
  }
}

function evaluationLine(who: string, { accuracy, toolSuccess }: Evaluation): string {
  const percent = (share: number | null): string =>
    share === null ? 'none' : `${(100 * share).toFixed(1)} %`;
  const { mean, interval } = accuracy;
  const range = interval === null ? '' : ` [${percent(interval[0])}, ${percent(interval[1])}]`;
  return `${who.padEnd(9)} ${percent(mean)} right answers${range}, ${percent(toolSuccess)} of calls ran`;
}

/** The folder itself, or with a number behind it the first that does not exist: a run is never written over. */
function freeFolder(folder: string): string {
  for (let number = 1; ; number++) {
    const path = number === 1 ? folder : `${folder}-${number}`;
    if (!existsSync(path)) return path;
  }
}
