// Bundles the report's page, uPlot included, into one script and one style sheet.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const name = 'virtual:report-page';

/** @returns {Promise<string>} A module that exports both as strings. */
async function bundlePage() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('src/report/page/main.ts', import.meta.url))],
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
      onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: name, namespace: 'page' }));
      onLoad({ filter: /.*/, namespace: 'page' }, async () => ({ contents: await bundlePage() }));
    },
  };
}

/** @returns {{ name: string, resolveId(id: string): string | undefined, load(id: string): Promise<string> | undefined }} For vitest. */
export function viteReportPage() {
  const resolved = `\0${name}`;
  return {
    name: 'report-page',
    resolveId: (id) => (id === name ? resolved : undefined),
    load: (id) => (id === resolved ? bundlePage() : undefined),
  };
}
