import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // One project a package, so that a package can also be tested alone: `npm test -- --project rl-core`.
    projects: ['packages/*', 'test'],
    // By default vitest leaves one core free, which on a machine with two cores doubles the time.
    maxWorkers: availableParallelism(),
  },
});
