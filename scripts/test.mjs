// `npm test`: installs and builds what is missing, then runs all tests.
// Arguments go to vitest: `npm test -- --project rl-core`.
import { exitOnFailure, run } from './command.mjs';
import { ensureReady } from './ensure-ready.mjs';

exitOnFailure(() => {
  ensureReady();
  run('vitest', [
    'run',
    '--reporter=default',
    '--reporter=json',
    '--outputFile.json=.test-results/vitest.json',
    ...process.argv.slice(2),
  ]);
});
