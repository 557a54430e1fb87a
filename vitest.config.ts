import { defineConfig } from 'vitest/config';

// One project a package, so that a package can also be tested alone: `npx vitest run --project rl-core`.
export default defineConfig({
  test: {
    projects: ['packages/*', 'test'],
  },
});
