import { join } from 'node:path';
import type { Optimizer } from '@iapo/rl-core';
import { IapoError } from '../errors.js';
import type { AgentPrompt } from '../model/agent-model.js';
import type { IapoEvent } from './events.js';
import type { Student, Teacher, TrainIapoOptions } from './options.js';
import { trainIapo } from './train-iapo.js';

/** The paper's stages (2606.11652, §4), in order. */
export const stageNames = ['teacher', 'coldStart', 'iapo'] as const;

export type StageName = (typeof stageNames)[number];

/** What a stage changes of the options that all share; its optimizer is always a new one. */
export type StageOptions<Prompt extends AgentPrompt> = Partial<
  Omit<
    TrainIapoOptions<Prompt, Prompt>,
    'student' | 'teacher' | 'runFolder' | 'resume' | 'signal' | 'pause' | 'optimizer'
  >
>;

/** Which stages are run. One that is left out is given: its model is taken as it was loaded. */
export type Stages<Prompt extends AgentPrompt> = Readonly<
  Partial<Record<StageName, StageOptions<Prompt>>>
>;

export interface TrainStagesOptions<Prompt extends AgentPrompt>
  extends Omit<TrainIapoOptions<Prompt, Prompt>, 'teacher' | 'optimizer' | 'runFolder'> {
  /** Explains; with a stage `teacher` it must be trainable. */
  readonly teacher: Teacher<Prompt> | Student<Prompt>;
  readonly stages: Stages<Prompt>;
  /** Each stage has its run in a folder of its name in here. */
  readonly runFolder: string;
  /** Makes the optimizer of a stage. Default AdamW. */
  readonly newOptimizer?: () => Optimizer;
}

/** An event of a stage's run. */
export interface StageEvent {
  readonly stage: StageName;
  readonly event: IapoEvent;
}

/**
 * Trains in the paper's stages: the teacher by GRPO on the outcome, the student's cold start by GRPO on the outcome,
 * then the student by IAPO beside the teacher. With `resume`, stages that are done only have their weights restored.
 *
 * @throws {IapoError} `missing-input` for a teacher that cannot be trained, or without any stage; as `trainIapo`.
 * @example
 * const stages = { teacher: { steps: 200 }, coldStart: { steps: 20 }, iapo: { steps: 100 } };
 * for await (const { stage, event } of trainStages({ student, teacher, tasks, steps: 100, stages, runFolder: 'runs' })) {
 *   if (event.type === 'step-end') console.log(stage, event.step);
 * }
 */
export async function* trainStages<Prompt extends AgentPrompt>(
  options: TrainStagesOptions<Prompt>,
): AsyncGenerator<StageEvent, void, void> {
  const { stages, student, teacher, runFolder, newOptimizer, ...shared } = options;
  const names = stageNames.filter((name) => stages[name] !== undefined);
  if (names.length === 0) {
    throw new IapoError(
      'missing-input',
      `\`stages\` is empty; give at least one of ${stageNames.join(', ')}.`,
    );
  }
  if (stages.teacher !== undefined && !isTrainable(teacher)) {
    throw new IapoError(
      'missing-input',
      'The teacher has no `backward`: it cannot be trained. Leave `stages.teacher` out, or load it with `lora`.',
    );
  }
  for (const stage of names) {
    const { reward, rewards, explain, ...rest } = { ...shared, ...stages[stage] };
    const run = {
      ...rest,
      label: rest.label ?? stage,
      runFolder: join(runFolder, stage),
      ...(newOptimizer === undefined ? {} : { optimizer: newOptimizer() }),
    };
    const trained = stage === 'teacher' && isTrainable(teacher) ? teacher : student;
    const events = trainIapo<Prompt, Prompt>(
      stage === 'iapo'
        ? {
            ...run,
            student,
            teacher,
            ...(reward === undefined ? {} : { reward }),
            ...(rewards === undefined ? {} : { rewards }),
            ...(explain === undefined ? {} : { explain }),
          }
        : {
            ...run,
            student: trained,
            // Without a teacher there is nothing to penalize: the outcome alone, as the paper's earlier stages.
            ...(reward === undefined ? {} : { reward: { ...reward, lambda: 0 } }),
          },
    );
    for await (const event of events) {
      yield { stage, event };
      if (event.type === 'run-paused') return;
    }
  }
}

function isTrainable<Prompt extends AgentPrompt>(
  model: Teacher<Prompt> | Student<Prompt>,
): model is Student<Prompt> {
  return 'backward' in model && 'parameters' in model;
}
