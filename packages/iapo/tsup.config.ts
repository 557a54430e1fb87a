import { defineConfig } from 'tsup';
import { esbuildReportPage } from './page-bundle.mjs';

export default defineConfig({
  entry: { index: 'src/index.ts', cli: 'src/cli/main.ts' },
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  clean: true,
  dts: false,
  esbuildPlugins: [esbuildReportPage()],
});
