// Bundles the report's page, uPlot included, into one script and one style sheet.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** What `src/report` imports in place of the bundle. */
const bundled = /\/report-page\.js$/;

/** @returns {Promise<string>} A module that exports both as strings. */
async function bundlePage() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page/main.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'inline',
    write: false,
    outdir: 'page',
  });
  const text = (/** @type {string} */ extension) =>
    outputFiles.find(({ path }) => path.endsWith(extension))?.text ?? '';
  return `export const script = ${JSON.stringify(text('.js'))};\nexport const style = ${JSON.stringify(text('.css'))};\n`;
}

/** @returns {import('esbuild').Plugin} For tsup. */
export function esbuildReportPage() {
  return {
    name: 'report-page',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: bundled }, ({ path }) => ({ path, namespace: 'page' }));
      onLoad({ filter: /.*/, namespace: 'page' }, async () => ({ contents: await bundlePage() }));
    },
  };
}

/** @returns {{ name: string, enforce: 'pre', resolveId(id: string): string | undefined, load(id: string): Promise<string> | undefined }} For vitest. */
export function viteReportPage() {
  const resolved = '\0report-page';
  return {
    name: 'report-page',
    enforce: 'pre',
    resolveId: (id) => (bundled.test(id) ? resolved : undefined),
    load: (id) => (id === resolved ? bundlePage() : undefined),
  };
}
