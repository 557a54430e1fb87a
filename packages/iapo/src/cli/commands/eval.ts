import { type Command, Option } from 'commander';
import { loadConfig } from '../../config/load-config.js';
import { openConfig } from '../../config/open-config.js';
import { readTasks } from '../../data/read-tasks.js';
import { IapoError } from '../../errors.js';
import { type Evaluation, type EvaluationMode, evaluate } from '../../evaluate/evaluate.js';
import {
  type EvaluationSet,
  evaluateSets,
  type SetsEvaluation,
} from '../../evaluate/evaluate-sets.js';
import { paperSets } from '../../evaluate/paper-sets.js';
import type { TaskSource } from '../../task.js';
import { StatusLine } from '../status-line.js';
import type { Terminal } from '../terminal.js';
import { type ConfigFlags, configArguments, wholeNumber, withConfig } from './shared-options.js';

interface EvalFlags extends ConfigFlags {
  readonly mode: EvaluationMode;
  readonly limit?: number;
  readonly predictions?: string;
  readonly sample?: boolean;
  readonly sets?: boolean;
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
    .option('--sets', 'answer the tasks of `validationSets` instead, set by set')
    .option('--predictions <file>', 'keep the answers as JSONL; a folder with --sets')
    .option('--sample', "sample as in training, with the configuration's temperature")
    .option('--json', 'print the result as JSON')
    .action(async (flags: EvalFlags) => {
      const loaded = await loadConfig(configArguments(flags));
      const opened = await openConfig(loaded.config, loaded.folder, { skip: ['teacher'] });
      const status = new StatusLine(terminal);
      try {
        const { options, validation } = opened;
        const { episode = {}, score = {}, seed = 0 } = options;
        const settings = {
          mode: flags.mode,
          episode: flags.sample === true ? episode : { ...episode, temperature: 0 },
          score,
          seed,
          predictions: flags.predictions ?? null,
          onProgress: ({ done, total }: { readonly done: number; readonly total: number }) =>
            status.update(`${done}/${total} tasks`),
        };
        if (flags.sets === true) {
          const result = await evaluateSets(options.student, await openSets(loaded, flags.limit), {
            ...settings,
            onSet: (name, evaluation) => {
              status.end();
              if (flags.json !== true) terminal.out(`${name}: ${asText(evaluation)}\n`);
            },
          });
          terminal.out(flags.json === true ? setsAsJson(result) : meanAsText(result));
          return;
        }
        const tasks = atMost(validation, flags.limit);
        const evaluation = await evaluate(options.student, tasks, settings);
        status.end();
        terminal.out(flags.json === true ? asJson(evaluation) : asText(evaluation));
      } finally {
        await opened.dispose();
      }
    });
}

/** Reads the sets of a configuration. */
async function openSets(
  { config, folder }: Awaited<ReturnType<typeof loadConfig>>,
  limit: number | undefined,
): Promise<Record<string, EvaluationSet>> {
  const sets: Record<string, EvaluationSet> = {};
  for (const [name, { score, ...source }] of Object.entries(config.validationSets ?? {})) {
    const tasks = atMost(await readTasks(source, folder), limit);
    sets[name] = { tasks, ...(score === undefined ? {} : { score }) };
  }
  if (Object.keys(sets).length === 0) {
    throw new IapoError(
      'config-invalid',
      `The configuration has no \`validationSets\`. Name files for some of ${Object.keys(paperSets).join(', ')}, or for sets of your own.`,
    );
  }
  return sets;
}

function atMost(tasks: TaskSource, limit = tasks.length): TaskSource {
  return { length: Math.min(tasks.length, limit), at: (index) => tasks.at(index) };
}

function setsAsJson({ sets, ...mean }: SetsEvaluation): string {
  const summaries = Object.entries(sets).map(([name, set]) => [name, summaryOf(set)]);
  return `${JSON.stringify({ ...mean, sets: Object.fromEntries(summaries) })}\n`;
}

function meanAsText({ sets, mean, interval }: SetsEvaluation): string {
  const range = interval === null ? '' : ` [${percent(interval[0])}, ${percent(interval[1])}]`;
  return `mean of ${Object.keys(sets).length} sets  ${percent(mean)}${range}\n`;
}

function asJson(evaluation: Evaluation): string {
  return `${JSON.stringify(summaryOf(evaluation))}\n`;
}

function summaryOf({ predictions: _, ...summary }: Evaluation): Omit<Evaluation, 'predictions'> {
  return summary;
}

function percent(value: number | null): string {
  return value === null ? 'none' : `${(100 * value).toFixed(1)} %`;
}

function asText({ model, mode, accuracy, callRate, toolSuccess }: Evaluation): string {
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
