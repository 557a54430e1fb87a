import { resolve } from 'node:path';
import { type Optimizer, optimizers } from '@iapo/rl-core';
import { type ToolTable, visualTools } from '@iapo/vqa-tools';
import { readTasks } from '../data/read-tasks.js';
import { IapoError } from '../errors.js';
import type { ExplainOptions } from '../explain/explain-options.js';
import type { AgentPrompt } from '../model/agent-model.js';
import type { TaskSource } from '../task.js';
import type { Student, Teacher, TrainIapoOptions } from '../train/options.js';
import type { Stages } from '../train/train-stages.js';
import type { DataSource, IapoConfig, ModelSource } from './iapo-config.js';
import { type LoadedModel, loadModel } from './load-model.js';

/** A configuration with its models loaded and its data read. */
export interface OpenedConfig {
  readonly options: TrainIapoOptions<AgentPrompt, AgentPrompt>;
  /** The paper's stages, where the configuration has any. */
  readonly stages: Stages<AgentPrompt> | null;
  /** Makes an optimizer for each stage; `null` for the default. */
  readonly newOptimizer: (() => Optimizer) | null;
  /** Tasks of `iapo eval`; those of training where the configuration has no others. */
  readonly validation: TaskSource;
  /** Writes the student's adapter into a folder; `null` for a student without one, or of the configuration's own. */
  readonly saveAdapter: ((folder: string) => Promise<void>) | null;
  /** Gives back the models that were loaded here; those of the configuration's own code are its own. */
  dispose(): Promise<void>;
}

type Part = 'teacher' | 'validation';

/**
 * Loads what a configuration names.
 *
 * @param folder Its paths are relative to this.
 * @param options.skip Parts that are not needed.
 */
export async function openConfig(
  config: IapoConfig,
  folder: string,
  { skip = [] }: { readonly skip?: readonly Part[] } = {},
): Promise<OpenedConfig> {
  const { tools, data, tasks, validationData, validationTasks, student, teacher, ...given } =
    config;
  // Read by the command that asks for them.
  const { validationSets: _sets, ...others } = given;
  const { stages, optimizer, episode = {}, explain = {}, steps = 100, runFolder, ...rest } = others;
  if (stages !== undefined && typeof optimizer === 'object') {
    throw new IapoError(
      'config-invalid',
      '`optimizer` must be a name with `stages`: every stage begins with a new one.',
    );
  }
  const opened: LoadedModel[] = [];
  const open = async (source: ModelSource | object): Promise<object> => {
    if (!isSource(source)) return source;
    const loaded = await loadModel(source, folder);
    opened.push(loaded);
    return loaded.model;
  };
  const dispose = async (): Promise<void> => {
    await Promise.all(opened.map((loaded) => loaded.dispose()));
  };
  try {
    const training = await openTasks(tasks, data, folder, 'tasks` or `data');
    const validation =
      skip.includes('validation') || (validationTasks ?? validationData) === undefined
        ? training
        : await openTasks(validationTasks, validationData, folder, 'validationTasks');
    const trained = requireMembers<Student<AgentPrompt>>(
      'student',
      await open(student),
      studentMembers,
    );
    const table = tools === undefined ? {} : { tools: toolTable(tools) };
    const loadedStudent = opened.find(({ model }) => Object.is(model, trained));
    return {
      stages:
        stages === undefined
          ? null
          : Object.fromEntries(
              Object.entries(stages).map(([name, stage]) => [
                name,
                {
                  ...stage,
                  ...(stage.episode === undefined
                    ? {}
                    : { episode: { ...stage.episode, ...table } }),
                  ...(stage.explain === undefined
                    ? {}
                    : { explain: cacheIn(folder, stage.explain) }),
                },
              ]),
            ),
      newOptimizer: typeof optimizer === 'string' ? () => optimizers[optimizer]() : null,
      validation,
      dispose,
      saveAdapter: loadedStudent?.saveAdapter ?? null,
      options: {
        ...rest,
        student: trained,
        teacher:
          skip.includes('teacher') || teacher === undefined || teacher === null
            ? null
            : requireMembers<Teacher<AgentPrompt>>('teacher', await open(teacher), teacherMembers),
        tasks: training,
        // Costs nothing as long as `loss.beta` is 0.
        reference: loadedStudent?.reference ?? null,
        steps,
        episode: { ...episode, ...table },
        explain: cacheIn(folder, explain),
        ...(runFolder === undefined || runFolder === null
          ? {}
          : { runFolder: resolve(folder, runFolder) }),
        ...(optimizer === undefined
          ? {}
          : { optimizer: typeof optimizer === 'string' ? optimizers[optimizer]() : optimizer }),
      },
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function cacheIn(folder: string, explain: ExplainOptions): ExplainOptions {
  const { teacherCache } = explain;
  return {
    ...explain,
    teacherCache: typeof teacherCache === 'string' ? resolve(folder, teacherCache) : null,
  };
}

const studentMembers = [
  'encode',
  'extend',
  'decode',
  'sample',
  'logprobs',
  'backward',
  'parameters',
];
const teacherMembers = ['encode', 'decode'];

/** @throws {IapoError} `missing-input`, naming what a model lacks for its part. */
function requireMembers<T>(role: string, model: object, members: readonly string[]): T {
  const missing = members.filter((name) => typeof Reflect.get(model, name) !== 'function');
  if (missing.length > 0) {
    throw new IapoError(
      'missing-input',
      `The ${role} has no ${missing.map((name) => `\`${name}\``).join(', ')}; see \`Student\` and \`Teacher\`.`,
    );
  }
  // Its members have been looked for; their types are what the model's own declaration says.
  return model as T;
}

function isSource(model: ModelSource | object): model is ModelSource {
  return 'model' in model && !('encode' in model);
}

function toolTable(tools: NonNullable<IapoConfig['tools']>): ToolTable {
  if (!Array.isArray(tools)) return tools as ToolTable;
  return Object.fromEntries(
    Object.entries(visualTools).filter(([name]) => tools.some((wanted) => wanted === name)),
  );
}

async function openTasks(
  tasks: IapoConfig['tasks'],
  data: DataSource | undefined,
  folder: string,
  what: string,
): Promise<TaskSource> {
  if (tasks !== undefined) return tasks;
  if (data !== undefined) return readTasks(data, folder);
  throw new IapoError('missing-input', `The configuration has no \`${what}\`.`);
}
