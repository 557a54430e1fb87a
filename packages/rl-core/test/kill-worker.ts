import { AdamW, train } from '../src/index.js';
import { contexts, share, tabularPolicy } from './bandits.js';

/**
 * Trains the bandit in the folder given as argument, a checkpoint every step, and resumes what it finds there. The
 * kill test runs it in a process of its own.
 */
const [folder, steps] = process.argv.slice(2);
if (folder === undefined || steps === undefined) throw new Error('usage: kill-worker FOLDER STEPS');

// A file that meets `ulimit -f` then fails to grow with an error instead of ending the process.
process.on('SIGXFSZ', () => {});

const run = train({
  policy: tabularPolicy(),
  prompts: contexts,
  rewards: { share },
  steps: Number(steps),
  promptsPerStep: 2,
  samplesPerPrompt: 4,
  miniBatches: 2,
  updatesPerBatch: 2,
  dynamicSampling: {},
  optimizer: new AdamW(),
  learningRate: 0.1,
  seed: 11,
  runFolder: folder,
  resume: true,
  checkpointEvery: 1,
  inspect: (samples) => [
    { kind: 'text', tag: 'first', text: JSON.stringify(samples[0]?.sample.sequence ?? null) },
  ],
});
for await (const event of run) {
  if (event.type === 'run-start') process.stdout.write(`${event.resumedFrom ?? 0}\n`);
}
