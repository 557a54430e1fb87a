import { defineProject } from 'vitest/config';
import { viteReportPage } from './page-bundle.mjs';

export default defineProject({
  plugins: [viteReportPage()],
  test: {
    name: 'iapo',
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 120_000,
  },
});
