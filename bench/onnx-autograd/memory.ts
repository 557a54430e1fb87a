// Peak memory of gradients, each case in a process of its own.
//   npx tsx bench/onnx-autograd/memory.ts                 checkpointing and shared weights, shape M
//   npx tsx bench/onnx-autograd/memory.ts --case large    LoRA gradient of a 3B-shape 4-bit model (writes 2 GB)
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createSession, differentiate, readModel } from '@iapo/onnx-autograd';
import { generateDecoder } from '@iapo/onnx-autograd/generator';
import { feedsOf, scoring, shape3B, shapeM, withLora } from './decoder-case.js';

const { values: options } = parseArgs({
  options: {
    case: { type: 'string', default: 'all' },
    model: { type: 'string', default: '' },
    runs: { type: 'string', default: '3' },
  },
});
const mebibyte = 2 ** 20;
const modelFile = 'decoder_model_merged.onnx';

/** A line of /proc/self/status, in MiB. */
function memory(field: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
}

/**
 * Memory of this process in MiB, each page counted once: the resident size counts a page of a weight file as
 * often as sessions map it.
 */
function ownMemory(): number {
  const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8');
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]) / 1024;
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** Gradient with or without checkpoints: peak over the weights, and the median time. */
async function gradientCase(checkpoints: boolean, wrt: 'embeddings' | 'lora'): Promise<unknown> {
  const base = scoring(readModel(options.model));
  const lora = withLora(base);
  const graph = differentiate(wrt === 'lora' ? lora.model : base, {
    outputs: ['logprobs'],
    wrt: wrt === 'lora' ? lora.matrices : ['inputs_embeds'],
    ...(checkpoints ? { checkpoints: 'auto' as const } : {}),
  });
  const feeds = feedsOf(graph, shapeM, 1024, 64);
  const before = memory('VmRSS');
  const session = await createSession(graph);
  const times: number[] = [];
  for (let run = 0; run < Number(options.runs); run++) {
    const start = performance.now();
    await session.run(feeds);
    times.push(performance.now() - start);
  }
  const weights = statSync(`${options.model}_data`).size / mebibyte;
  const peakOverWeights = memory('VmHWM') - before - weights;
  await session.dispose();
  return { peakOverWeights, ms: median(times) };
}

/** Growth of the process by sessions that have run once on a short sequence. */
async function sessionsCase(count: number): Promise<unknown> {
  const base = scoring(readModel(options.model));
  const lora = withLora(base);
  const graphs = [
    differentiate(base, { outputs: ['logprobs'], wrt: ['inputs_embeds'] }),
    base,
    differentiate(lora.model, { outputs: ['logprobs'], wrt: lora.matrices }),
  ].slice(0, count);
  globalThis.gc?.();
  const before = ownMemory();
  for (const graph of graphs) {
    const session = await createSession(graph);
    await session.run(feedsOf(graph, shapeM, 16, 8));
  }
  // Without what building the graphs left behind: it is not held.
  globalThis.gc?.();
  return { growth: ownMemory() - before };
}

async function largeCase(): Promise<unknown> {
  const start = performance.now();
  const base = scoring(readModel(options.model));
  const lora = withLora(base);
  const graph = differentiate(lora.model, {
    outputs: ['logprobs'],
    wrt: lora.matrices,
    checkpoints: 'auto',
  });
  const buildMs = performance.now() - start;
  const feeds = feedsOf(graph, shape3B, 512, 64);
  const created = performance.now();
  const session = await createSession(graph);
  const createMs = performance.now() - created;
  const ran = performance.now();
  const results = await session.run(feeds);
  const runMs = performance.now() - ran;
  const finite = lora.matrices.every((name) => {
    const data = results[`gradient.${name}`]?.data;
    return data instanceof Float32Array && data.every(Number.isFinite);
  });
  return { buildMs, createMs, runMs, peakMiB: memory('VmHWM'), finite };
}

function inProcess(name: string, model: string): Record<string, number> {
  const script = fileURLToPath(import.meta.url);
  const child = spawnSync(
    process.execPath,
    [
      '--expose-gc',
      '--import',
      'tsx',
      script,
      '--case',
      name,
      '--model',
      model,
      '--runs',
      options.runs,
    ],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: mebibyte,
    },
  );
  if (child.status !== 0) throw new Error(`case ${name} ended with status ${child.status}`);
  const result = JSON.parse(child.stdout.trim().split('\n').at(-1) ?? '{}');
  console.error(name, JSON.stringify(result));
  return result;
}

const cases: Record<string, () => Promise<unknown>> = {
  'embeddings-kept': () => gradientCase(false, 'embeddings'),
  'embeddings-checkpoints': () => gradientCase(true, 'embeddings'),
  'lora-kept': () => gradientCase(false, 'lora'),
  'lora-checkpoints': () => gradientCase(true, 'lora'),
  'sessions-1': () => sessionsCase(1),
  'sessions-3': () => sessionsCase(3),
  'large-run': largeCase,
};

const single = cases[options.case];
if (single !== undefined) console.log(JSON.stringify(await single()));
else {
  const folder = mkdtempSync(join(tmpdir(), 'onnx-autograd-bench-'));
  try {
    if (options.case === 'large') {
      const directory = join(folder, 'large');
      const path = join(directory, modelFile);
      const start = performance.now();
      generateDecoder({
        ...shape3B,
        qkvBias: true,
        style: 'group-query-attention',
        weights: 'q4',
        directory,
      });
      console.error(
        `written in ${((performance.now() - start) / 1000).toFixed(0)} s, ${(statSync(`${path}_data`).size / mebibyte).toFixed(0)} MiB`,
      );
      console.log(JSON.stringify(inProcess('large-run', path)));
    } else {
      for (const style of ['raw', 'group-query-attention'] as const) {
        const directory = join(folder, style);
        const path = join(directory, modelFile);
        generateDecoder({ ...shapeM, style, directory });
        for (const wrt of ['embeddings', 'lora']) {
          const kept = inProcess(`${wrt}-kept`, path);
          const recomputed = inProcess(`${wrt}-checkpoints`, path);
          const ratio = (key: 'peakOverWeights' | 'ms'): string =>
            ((recomputed[key] ?? 0) / (kept[key] ?? 0)).toFixed(2);
          console.log(
            `| ${style} | ${wrt} | ${kept.peakOverWeights?.toFixed(0)} | ${recomputed.peakOverWeights?.toFixed(0)} | **${ratio('peakOverWeights')}** | ${kept.ms?.toFixed(0)} | ${recomputed.ms?.toFixed(0)} | **${ratio('ms')}** |`,
          );
        }
        const one = inProcess('sessions-1', path);
        const three = inProcess('sessions-3', path);
        console.log(
          `| ${style} | sessions: one ${one.growth?.toFixed(0)} MiB, three ${three.growth?.toFixed(0)} MiB | **${((three.growth ?? 0) / (one.growth ?? 1)).toFixed(2)}** |`,
        );
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
