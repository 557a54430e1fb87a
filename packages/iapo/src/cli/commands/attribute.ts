import { writeFile } from 'node:fs/promises';
import {
  type AttributionMethodName,
  attributionMethods,
  renderAttribution,
} from '@iapo/attribution';
import { type ToolTable, visualTools } from '@iapo/vqa-tools';
import { type Command, Option } from 'commander';
import { loadConfig } from '../../config/load-config.js';
import { type OpenedConfig, openConfig } from '../../config/open-config.js';
import { IapoError } from '../../errors.js';
import { resolveExplainOptions } from '../../explain/explain-options.js';
import { type CallExplanation, Explainer } from '../../explain/explainer.js';
import { playEpisodes } from '../../model/play-episodes.js';
import { taskAt } from '../../task.js';
import type { Terminal } from '../terminal.js';
import { type ConfigFlags, configArguments, wholeNumber, withConfig } from './shared-options.js';

interface AttributeFlags extends ConfigFlags {
  readonly task: number;
  readonly method?: AttributionMethodName;
  readonly format: 'ansi' | 'html' | 'svg';
  readonly output?: string;
  readonly json?: boolean;
}

/** `iapo attribute`: what drives the student's call for a task, beside the teacher on the same call. */
export function addAttribute(program: Command, terminal: Terminal): void {
  withConfig(program.command('attribute'))
    .description("explain the student's call for a task, beside the teacher on the same call")
    .option('--task <index>', 'which validation task, from 0', wholeNumber(0), 0)
    .addOption(
      new Option('--method <name>', "instead of the configuration's method").choices(
        Object.keys(attributionMethods),
      ),
    )
    .addOption(
      new Option('--format <format>', 'how to draw it')
        .choices(['ansi', 'html', 'svg'])
        .default('ansi'),
    )
    .option('-o, --output <file>', 'write it there')
    .option('--json', 'print both results as JSON')
    .action(async (flags: AttributeFlags) => {
      const loaded = await loadConfig(configArguments(flags));
      const opened = await openConfig(loaded.config, loaded.folder);
      try {
        const explanation = await explainTask(opened, flags);
        const { student, teacher } = explanation;
        if (student === null) {
          throw new IapoError(
            'explanation-failed',
            explanation.reason ?? 'There is no explanation.',
          );
        }
        const text =
          flags.json === true
            ? JSON.stringify({ student, teacher })
            : renderAttribution(student, {
                format: flags.format,
                ...(teacher === null ? {} : { teacher }),
              });
        if (flags.output === undefined) terminal.out(`${text}\n`);
        else await writeFile(flags.output, text);
        if (explanation.reason !== null) terminal.err(`${explanation.reason}\n`);
      } finally {
        await opened.dispose();
      }
    });
}

async function explainTask(
  { options, validation }: OpenedConfig,
  { task: index, method }: AttributeFlags,
): Promise<CallExplanation> {
  const { student, teacher, seed = 0, episode = {}, explain = {} } = options;
  const task = await taskAt(validation, index);
  const [played] = await playEpisodes(student, [{ task, seed }], { ...episode, temperature: 0 });
  if (played === undefined) throw new IapoError('model-output', 'The student gave no turn.');
  const settings = resolveExplainOptions(explain);
  const tools: ToolTable = episode.tools ?? visualTools;
  const explainer = new Explainer({
    student,
    // Without a teacher the student stands on both sides, and only its own result is shown.
    teacher: teacher ?? student,
    settings: {
      ...settings,
      attribution: { ...settings.attribution, ...(method === undefined ? {} : { method }) },
      onFailure: 'stop',
    },
    tools,
    disk: null,
    seed,
    signal: undefined,
  });
  const explanation = await explainer.explain(played, 0);
  return teacher === null || teacher === undefined
    ? { ...explanation, teacher: null }
    : explanation;
}
