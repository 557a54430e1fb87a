import { splitSeed } from '@iapo/rl-core';
import { seededShuffle } from '../seeded-shuffle.js';
import { type IapoTask, type TaskSource, taskAt } from '../task.js';

/** A task to roll out; `draw` counts draws over the whole run, so that it can name seeds. */
export interface DrawnTask {
  readonly task: IapoTask;
  readonly taskIndex: number;
  readonly draw: number;
}

/**
 * The tasks of a step: endless shuffled passes, each with its own seed. The order has no state, so a resumed run
 * finds it again from the step's number.
 */
export async function drawTasks(
  tasks: TaskSource,
  { seed, step, promptsPerStep }: { seed: number; step: number; promptsPerStep: number },
): Promise<DrawnTask[]> {
  const orders = new Map<number, readonly number[]>();
  const drawn: DrawnTask[] = [];
  for (let k = 0; k < promptsPerStep; k++) {
    const draw = (step - 1) * promptsPerStep + k;
    const epoch = Math.floor(draw / tasks.length);
    const order =
      orders.get(epoch) ??
      seededShuffle(
        Array.from({ length: tasks.length }, (_, index) => index),
        splitSeed(seed, 'tasks', epoch),
      );
    orders.set(epoch, order);
    const taskIndex = order[draw % tasks.length]!;
    drawn.push({ task: await taskAt(tasks, taskIndex), taskIndex, draw });
  }
  return drawn;
}
