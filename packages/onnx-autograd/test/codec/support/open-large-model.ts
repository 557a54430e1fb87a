/**
 * Opens a model in a process of its own and prints what that took, then writes a model that refers to it.
 *
 *     tsx open-large-model.ts <model> <derived model>
 */
import { readModel } from '../../../src/codec/read-model.js';
import { writeModel } from '../../../src/codec/write-model.js';

const [path = '', derivedPath = ''] = process.argv.slice(2);
// Peak of the whole life of the process: what was freed before the end counts.
const before = process.resourceUsage().maxRSS;
const start = performance.now();
const model = readModel(path);
const openMs = performance.now() - start;
const openMegabytes = (process.resourceUsage().maxRSS - before) / 1024;
writeModel(model, derivedPath, { weights: 'reference' });
const allMegabytes = (process.resourceUsage().maxRSS - before) / 1024;
const weight = model.graph.initializers[0]?.data;
console.log(
  JSON.stringify({
    openMs,
    openMegabytes,
    allMegabytes,
    weightBytes:
      weight?.kind === 'raw' ? weight.range.length : weight?.kind === 'external' && weight.length,
  }),
);
