import { Sgd } from '@iapo/rl-core';
import type { IapoEvent } from '../../src/train/events.js';
import type { TrainIapoOptions } from '../../src/train/options.js';
import { trainIapo } from '../../src/train/train-iapo.js';
import { type ToyPrompt, toyAgent, toyTasks } from '../models/toy-agent.js';

type ToyOptions = TrainIapoOptions<ToyPrompt, ToyPrompt>;

export const toyTeacher = () =>
  toyAgent('toy teacher', { favorsCalls: 4, knowsLabels: 6, readsGray: 4 });
const toyStudent = () => toyAgent('toy student', { favorsCalls: 2, readsGray: 3 });

/** Short runs of the toy; everything can be overridden. */
export function toyOptions(options: Partial<ToyOptions> = {}): ToyOptions {
  return {
    student: toyStudent(),
    tasks: toyTasks(24),
    steps: 4,
    promptsPerStep: 4,
    samplesPerPrompt: 8,
    learningRate: 0.5,
    optimizer: new Sgd(),
    maxGradientNorm: null,
    episode: { dialect: 'hermes' },
    explain: { attribution: { steps: 8, maximumSteps: 64 } },
    ...options,
  };
}

export async function collect(options: ToyOptions): Promise<IapoEvent[]> {
  const events: IapoEvent[] = [];
  for await (const event of trainIapo(options)) events.push(event);
  return events;
}

/** The metrics of each step. */
export function stepMetrics(
  events: readonly IapoEvent[],
): Readonly<Record<string, number | null>>[] {
  return events.flatMap((event) => (event.type === 'step-end' ? [event.metrics] : []));
}

export function ofType<T extends IapoEvent['type']>(
  events: readonly IapoEvent[],
  type: T,
): Extract<IapoEvent, { type: T }>[] {
  return events.filter((event): event is Extract<IapoEvent, { type: T }> => event.type === type);
}
