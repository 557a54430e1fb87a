import { type Command, Option } from 'commander';
import { loadConfig } from '../../config/load-config.js';
import { openConfig } from '../../config/open-config.js';
import { type Evaluation, type EvaluationMode, evaluate } from '../../evaluate/evaluate.js';
import { StatusLine } from '../status-line.js';
import type { Terminal } from '../terminal.js';
import { type ConfigFlags, configArguments, wholeNumber, withConfig } from './shared-options.js';

interface EvalFlags extends ConfigFlags {
  readonly mode: EvaluationMode;
  readonly limit?: number;
  readonly predictions?: string;
  readonly sample?: boolean;
  readonly json?: boolean;
}

/** `iapo eval`: the student on the validation tasks. */
export function addEval(program: Command, terminal: Terminal): void {
  withConfig(program.command('eval'))
    .description('answer the validation tasks, greedily unless --sample is given')
    .addOption(
      new Option('--mode <mode>', 'which tools the model has')
        .choices(['with-tools', 'without-tools', 'tools-fail'])
        .default('with-tools'),
    )
    .option('--limit <tasks>', 'most tasks to answer', wholeNumber(1))
    .option('--predictions <file>', 'keep the answers as JSONL')
    .option('--sample', "sample as in training, with the configuration's temperature")
    .option('--json', 'print the result as JSON')
    .action(async (flags: EvalFlags) => {
      const loaded = await loadConfig(configArguments(flags));
      const opened = await openConfig(loaded.config, loaded.folder, { skip: ['teacher'] });
      const status = new StatusLine(terminal);
      try {
        const { options, validation } = opened;
        const { episode = {}, score = {}, seed = 0 } = options;
        const tasks = {
          length: Math.min(validation.length, flags.limit ?? validation.length),
          at: (index: number) => validation.at(index),
        };
        const evaluation = await evaluate(options.student, tasks, {
          mode: flags.mode,
          episode: flags.sample === true ? episode : { ...episode, temperature: 0 },
          score,
          seed,
          predictions: flags.predictions ?? null,
          onProgress: ({ done, total }) => status.update(`${done}/${total} tasks`),
        });
        status.end();
        terminal.out(flags.json === true ? asJson(evaluation) : asText(evaluation));
      } finally {
        await opened.dispose();
      }
    });
}

function asJson({ predictions: _, ...summary }: Evaluation): string {
  return `${JSON.stringify(summary)}\n`;
}

function asText({ model, mode, accuracy, callRate, toolSuccess }: Evaluation): string {
  const percent = (value: number | null): string =>
    value === null ? 'none' : `${(100 * value).toFixed(1)} %`;
  const { mean, interval, count, unscorable } = accuracy;
  const range =
    interval === null ? '' : ` [${percent(interval[0])}, ${percent(interval[1])}], 95 % interval`;
  return [
    `${model}, ${mode}, ${count} tasks`,
    `accuracy      ${percent(mean)}${range}`,
    ...(unscorable === 0 ? [] : [`not scorable  ${unscorable}`]),
    `tool calls    ${percent(callRate)}`,
    `of those ran  ${percent(toolSuccess)}`,
    '',
  ].join('\n');
}
