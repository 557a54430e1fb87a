import { createHash } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IapoError, messageOf } from '../errors.js';
import { readRun } from '../runs/read-run.js';
import type { PageData } from './page-data.js';
import { reportData } from './report-data.js';
import { script, style } from './report-page.js';

export interface WriteReportOptions {
  /** Folders of runs to compare with; runs of one label are one method with several seeds. Default none. */
  readonly compareWith?: readonly string[];
  /** Where to write. Default `report.html` in the run folder. */
  readonly output?: string;
}

/**
 * Writes the report of a run: one HTML file that needs nothing else. It makes no request (its policy forbids any),
 * follows the reader's color scheme, and can be used by keyboard.
 *
 * @param runFolder A folder that `trainIapo` wrote; it may still be running.
 * @returns The path of the report and its size in bytes.
 * @throws {IapoError} `run-not-found`, `run-damaged`, `file-system`.
 */
export async function writeReport(
  runFolder: string,
  { compareWith = [], output = join(runFolder, 'report.html') }: WriteReportOptions = {},
): Promise<{ readonly path: string; readonly bytes: number }> {
  const run = await readRun(runFolder);
  const others = await Promise.all(compareWith.map(readRun));
  const html = renderPage(await reportData(run, others));
  try {
    await writeFile(`${output}.tmp`, html);
    await rename(`${output}.tmp`, output);
  } catch (cause) {
    throw new IapoError('file-system', `Cannot write ${output}: ${messageOf(cause)}.`, { cause });
  }
  return { path: output, bytes: Buffer.byteLength(html) };
}

/** The page for its data. The page's script puts all of it in as text; nothing of it is ever markup. */
function renderPage(data: PageData): string {
  const policy = [
    "default-src 'none'",
    'img-src data:',
    `script-src ${sourceHash(script)}`,
    `style-src ${sourceHash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escapeMarkup(data.title)}</title>`,
    // The icon keeps browsers from asking a server for one.
    '<link rel="icon" href="data:,">',
    `<style>${style}</style></head><body>`,
    '<noscript>This report draws its charts with the script inside it. Allow scripts to read it.</noscript>',
    '<main id="report"></main>',
    `<script type="application/json" id="data">${escapeJson(data)}</script>`,
    `<script>${script}</script></body></html>`,
  ].join('\n');
}

function sourceHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** JSON that cannot end the script element that holds it. */
function escapeJson(data: PageData): string {
  return JSON.stringify(data)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
