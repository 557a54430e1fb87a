import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    generator: 'src/generator/index.ts',
    worker: 'src/session/worker.js',
  },
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  clean: true,
  dts: false,
});
