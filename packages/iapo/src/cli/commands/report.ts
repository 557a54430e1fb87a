import { relative } from 'node:path';
import type { Command } from 'commander';
import { writeReport } from '../../report/write-report.js';
import type { Terminal } from '../terminal.js';

/** `iapo report`: a run as one HTML page. */
export function addReport(program: Command, terminal: Terminal): void {
  program
    .command('report')
    .description('write the report of a run: one HTML page that needs nothing else')
    .argument('<run>', "a run's folder")
    .option('--compare <runs...>', 'folders of runs to compare with')
    .option('-o, --output <file>', 'where to write (default: report.html in the run folder)')
    .option('--json', 'print the result as JSON')
    .action(async (run: string, flags: { compare?: string[]; output?: string; json?: boolean }) => {
      const { compare = [], output, json = false } = flags;
      const report = await writeReport(run, {
        compareWith: compare,
        ...(output === undefined ? {} : { output }),
      });
      terminal.out(
        json
          ? `${JSON.stringify(report)}\n`
          : `Wrote ${relative('.', report.path)} (${Math.round(report.bytes / 1000)} kB).\n`,
      );
    });
}
