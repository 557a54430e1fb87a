import type { OptimizerName } from '@iapo/rl-core';
import type { DatasetFormatName, ToolTable, VisualToolName } from '@iapo/vqa-tools';
import type { AgentPrompt } from '../model/agent-model.js';
import type { PlayOptions } from '../model/play-episodes.js';
import type { IapoTask } from '../task.js';
import type { Student, Teacher, TrainIapoOptions } from '../train/options.js';
import type { ScoreOptions } from '../train/score-episodes.js';
import type { StageName } from '../train/train-stages.js';

/** A model's folder, with how to load it. */
export interface ModelSource {
  /** Folder of a Hugging Face model in transformers.js's layout. */
  readonly model: string;
  /** Number format of its graphs. Default `fp32`. */
  readonly dtype?: string;
  /** Folder of the graphs inside the model's. Default `onnx`. */
  readonly subfolder?: string;
  /** Folder of a PEFT adapter. */
  readonly adapter?: string;
  /** A new adapter. */
  readonly lora?: {
    readonly r: number;
    readonly alpha?: number;
    readonly targetModules: string | readonly string[];
    readonly rsLora?: boolean;
    readonly seed?: number;
  };
  readonly trainable?: 'adapter' | 'weights';
  readonly executionProviders?: readonly string[];
  readonly memoryBudget?: number;
  /** Run in a thread of its own, or in so many. Default true. */
  readonly worker?: boolean | number;
  /** Threads inside one operator. Default: the number of cores, divided by that of `worker`. */
  readonly threads?: number;
}

/** Where tasks come from. */
export interface DataSource {
  /** JSONL, JSON or Parquet; a path, a glob or several. */
  readonly files: string | readonly string[];
  /** Default: found out from the columns. */
  readonly format?: DatasetFormatName;
  /** Folder that the rows' picture names are looked up in. */
  readonly imageFolder?: string;
  /**
   * Tables of questions that come without a picture (WikiTableQuestions, TabFact): JSONL of `id`, `columns`, `rows`.
   * Default: `tables.jsonl` beside the questions.
   */
  readonly tables?: string;
  /** Text of the system message. Default none. */
  readonly system?: string;
  /** Most rows. Default all. */
  readonly limit?: number;
  /** Rows that cannot be read stop the run (default) or are skipped and counted. */
  readonly onBadRow?: 'throw' | 'skip';
}

type RunOptions = Omit<
  TrainIapoOptions<AgentPrompt, AgentPrompt>,
  | 'student'
  | 'teacher'
  | 'tasks'
  | 'steps'
  | 'episode'
  | 'optimizer'
  | 'reference'
  | 'resume'
  | 'signal'
  | 'pause'
  | 'clock'
>;

/** What a stage changes of the configuration. */
type StageConfig = Partial<Omit<RunOptions, 'runFolder'>> & {
  readonly steps?: number;
  readonly episode?: Omit<PlayOptions, 'tools' | 'ocr'>;
};

/**
 * What a configuration file holds: the options of `trainIapo` under their names, with folders in place of models and
 * files in place of tasks.
 */
export interface IapoConfig extends RunOptions {
  readonly student: ModelSource | Student<AgentPrompt>;
  readonly teacher?: ModelSource | Teacher<AgentPrompt> | null;
  /** Tasks made by the configuration's own code; give these or `data`. */
  readonly tasks?: readonly IapoTask[];
  readonly data?: DataSource;
  /** Tasks of `iapo eval`; give these or `validationData`. */
  readonly validationTasks?: readonly IapoTask[];
  readonly validationData?: DataSource;
  /**
   * Sets of `iapo eval --sets`, by name: one of `paperSets` brings its scorer, any other has that of `score` or its
   * own.
   */
  readonly validationSets?: Readonly<
    Record<string, DataSource & { readonly score?: ScoreOptions }>
  >;
  /** Default 100. */
  readonly steps?: number;
  /** Tools that are offered, by name or as a table. Default: all built-in ones. */
  readonly tools?: readonly VisualToolName[] | ToolTable;
  readonly episode?: Omit<PlayOptions, 'tools' | 'ocr'>;
  /**
   * Runs the paper's stages one after the other, each with what it changes; one that is left out is given. Default:
   * one run as the configuration says.
   */
  readonly stages?: Readonly<Partial<Record<StageName, StageConfig>>>;
  /** Default `adamw`. */
  readonly optimizer?:
    | OptimizerName
    | NonNullable<TrainIapoOptions<AgentPrompt, AgentPrompt>['optimizer']>;
}

/** Types a configuration in an editor; gives it back as it is. */
export function defineConfig(config: IapoConfig): IapoConfig {
  return config;
}
