// `npm test`: everything that is missing is installed and built, then all tests run.
import { ensureReady, run } from './ensure-ready.mjs';

ensureReady();
run('npx', [
  'vitest',
  'run',
  '--reporter=default',
  '--reporter=json',
  '--outputFile.json=.test-results/vitest.json',
  ...process.argv.slice(2),
]);
