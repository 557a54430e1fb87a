import { trainIapo } from '../../src/train/train-iapo.js';
import { toyOptions, toyTeacher } from './toy-run.js';

/**
 * Trains the toy with tools and explanations in the folder given as argument, and resumes what it finds there. The
 * kill test runs it in a process of its own.
 */
const [folder, cache] = process.argv.slice(2);
if (folder === undefined || cache === undefined) throw new Error('usage: kill-worker FOLDER CACHE');

const run = trainIapo({
  ...toyOptions({
    steps: 40,
    teacher: toyTeacher(),
    reward: { lambda: 0.5, divergence: 'jensenShannon', gate: 'mixedGroups' },
    keepTrajectories: { everySteps: 2, perStep: 2 },
  }),
  explain: { teacherCache: cache },
  runFolder: folder,
  resume: true,
  checkpointEvery: 3,
  seed: 5,
});
for await (const event of run) {
  if (event.type === 'run-start') process.stdout.write(`${event.resumedFrom ?? 0}\n`);
}
