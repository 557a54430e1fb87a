/**
 * The fuzz test for as long as wanted, by hand:
 *
 *     npx tsx test/codec/fuzz.ts [mutants] [seed] [progress file]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FuzzReport, fuzz } from './support/fuzzing.js';

const [mutants = '1000000', seed = '1', progressFile] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'onnx-autograd-fuzz-'));
const start = performance.now();

function show(report: FuzzReport): void {
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const megabytes = (process.resourceUsage().maxRSS / 1024).toFixed(0);
  const line = JSON.stringify({
    seed: Number(seed),
    seconds,
    peakRssMegabytes: megabytes,
    ...report,
  });
  if (progressFile === undefined) console.log(line);
  else writeFileSync(progressFile, `${line}\n`);
}

try {
  show(fuzz({ seed: Number(seed), mutants: Number(mutants), folder, onProgress: show }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
