import { splitSeed } from '@iapo/rl-core';
import { seededShuffle } from '../seeded-shuffle.js';
import type { IapoTask } from '../task.js';

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
export function drawTasks(
  tasks: readonly IapoTask[],
  { seed, step, promptsPerStep }: { seed: number; step: number; promptsPerStep: number },
): DrawnTask[] {
  const orders = new Map<number, readonly number[]>();
  return Array.from({ length: promptsPerStep }, (_, k) => {
    const draw = (step - 1) * promptsPerStep + k;
    const epoch = Math.floor(draw / tasks.length);
    const order =
      orders.get(epoch) ?? seededShuffle([...tasks.keys()], splitSeed(seed, 'tasks', epoch));
    orders.set(epoch, order);
    const taskIndex = order[draw % tasks.length]!;
    return { task: tasks[taskIndex]!, taskIndex, draw };
  });
}
