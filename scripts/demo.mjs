// `npm run demo`: installs and builds what is missing, then runs the best demonstration that exists.
import { exitOnFailure, run } from './command.mjs';
import { ensureReady } from './ensure-ready.mjs';

// The demonstration of the whole method (train a small model with attribution-aware policy optimization) takes their
// place once it exists.
const examples = [
  {
    folder: 'examples/ask-tiny-vlm',
    what: 'a tiny vision-language model, trained by this repository, that is asked about a chart, calls a tool and answers (the base: its calls are often wrong)',
  },
  {
    folder: 'examples/gradient-of-a-model',
    what: 'the gradient of a vision-language model’s log-probabilities with respect to its prompt, token by token',
  },
];

exitOnFailure(() => {
  ensureReady();
  for (const { folder, what } of examples) {
    console.log(`\nThis shows ${what} (${folder}).\n`);
    run('npm', ['run', 'start', '--silent', `--workspace=${folder}`]);
  }
});
