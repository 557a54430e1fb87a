import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IapoTask } from '../../src/task.js';
import { toyTasks } from '../models/toy-agent.js';
import { collect, toyOptions, toyTeacher } from '../train/toy-run.js';

/** Text that would do harm as markup, ends a script, and reorders a line. */
export const hostileText =
  '</script><script>window.harmed = true</script><img src=x onerror="window.harmed = true">\u202e';

/** A run with a teacher and hostile text wherever text comes from outside, and three without a teacher. */
export async function makeRuns({ steps = 40 } = {}): Promise<{ run: string; others: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'iapo-report-'));
  const run = join(folder, 'aligned');
  const hostile = toyTasks(24).map(
    (task): IapoTask => ({
      ...task,
      id: `${task.id} ${hostileText}`,
      question: `${task.question} ${hostileText}`,
      messages: task.messages.map((message) => ({
        ...message,
        content: message.content.map((part) =>
          part.type === 'text' ? { ...part, text: `${part.text} ${hostileText}` } : part,
        ),
      })),
    }),
  );
  await collect(
    toyOptions({
      tasks: hostile,
      runFolder: run,
      steps,
      label: 'iapo',
      teacher: { ...toyTeacher(), id: `teacher ${hostileText}` },
      reward: { lambda: 1, divergence: 'jensenShannon', missing: { 'no-call': 'group-max' } },
    }),
  );
  const others = [];
  for (const seed of [0, 1, 2]) {
    const other = join(folder, `plain-${seed}`);
    await collect(toyOptions({ runFolder: other, steps, seed, label: 'grpo' }));
    others.push(other);
  }
  return { run, others };
}
