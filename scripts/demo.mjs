// `npm run demo`: installs and builds what is missing, then runs the best demonstration that exists.
import { existsSync } from 'node:fs';
import { exitOnFailure, root, run } from './command.mjs';
import { ensureReady } from './ensure-ready.mjs';

const example = {
  folder: 'examples/gradient-of-a-model',
  // The demonstration of the whole method (train a small model with attribution-aware policy
  // optimization) takes this place once the packages for it exist.
  what: 'the gradient of a vision-language model’s log-probabilities with respect to its prompt, token by token',
};

if (existsSync(`${root}${example.folder}/package.json`)) {
  exitOnFailure(() => {
    ensureReady();
    console.log(`\nThis shows ${example.what} (${example.folder}).\n`);
    run('npm', ['run', 'start', '--silent', `--workspace=${example.folder}`]);
  });
} else {
  console.error(`There is nothing to show yet: ${example.folder} is missing.`);
  process.exitCode = 1;
}
