import { createHash } from 'node:crypto';
import { hashPixels } from '@iapo/vqa-tools';
import type { IapoTask } from '../task.js';

/** A hash of plain data; the same data gives the same text. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

const prompts = new WeakMap<IapoTask, string>();

/** What a task's prompt is made of: its messages, pictures and tools, not its name. */
export function hashTask(task: IapoTask): string {
  const known = prompts.get(task);
  if (known !== undefined) return known;
  const messages = task.messages.map(({ role, content }) => [
    role,
    content.map((part) => (part.type === 'text' ? part.text : hashPixels(part.image))),
  ]);
  const hash = hashOf([messages, task.toolNames ?? null]);
  prompts.set(task, hash);
  return hash;
}
