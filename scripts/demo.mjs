// `npm run demo`: installs and builds what is missing, then runs `iapo demo`; `npm run demo -- --steps 20` passes options on.
import { exitOnFailure, run } from './command.mjs';
import { ensureReady } from './ensure-ready.mjs';

exitOnFailure(() => {
  ensureReady();
  run('node', ['packages/iapo/dist/cli.js', 'demo', ...process.argv.slice(2)]);
});
