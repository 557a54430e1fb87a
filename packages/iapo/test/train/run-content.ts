import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Every file of a run that the seed decides, as text; events without their clock. */
export function contentOf(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  const visit = (path: string): void => {
    for (const name of readdirSync(path).sort()) {
      const full = join(path, name);
      if (statSync(full).isDirectory()) visit(full);
      else files[relative(folder, full)] = readFileSync(full).toString('latin1');
    }
  };
  visit(folder);
  for (const name of Object.keys(files)) {
    // Sessions and TensorBoard hold the time.
    if (name === 'sessions.jsonl' || name.startsWith('tensorboard')) delete files[name];
  }
  files['events.jsonl'] = (files['events.jsonl'] ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.stringify({ ...JSON.parse(line), clock: null }))
    .join('\n');
  return files;
}
