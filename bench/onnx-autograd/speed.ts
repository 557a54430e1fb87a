// Time of gradients against PyTorch on the same weights.
//   npx tsx bench/onnx-autograd/speed.ts --python path/to/python [--pairs 7] [--styles raw,groupQueryAttention]
// Python needs torch, transformers, peft and numpy. Ours and theirs take turns; medians and the median of the
// pairwise ratios are printed as a Markdown table.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createSession, differentiate, type OnnxModel, type TensorLike } from '@iapo/onnx-autograd';
import { writeDecoder } from '@iapo/onnx-autograd/generator';
import { feedsOf, scoring, shapeM, withLora } from './decoder-case.js';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    pairs: { type: 'string', default: '7' },
    styles: { type: 'string', default: 'raw,groupQueryAttention' },
    scored: { type: 'string', default: '64,1023' },
    // Attention that is known to be causal is computed in this many blocks.
    blocks: { type: 'string', default: '4' },
  },
});
const tokens = 1024;
const pairs = Number(options.pairs);
const folder = mkdtempSync(join(tmpdir(), 'onnx-autograd-bench-'));

interface PeerAnswer {
  readonly ms: number;
  readonly sum: number;
  readonly norm: number | null;
}

function startPeer(setup: unknown): {
  ask(task: unknown): Promise<PeerAnswer>;
  stop(): void;
  hello: Promise<unknown>;
} {
  const script = fileURLToPath(new URL('../peers/onnx-autograd/decoder.py', import.meta.url));
  const child = spawn(options.python, [script], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the Python peer ended; run it by hand to see why');
    return JSON.parse(value as string);
  };
  child.stdin.write(`${JSON.stringify(setup)}\n`);
  return {
    hello: next(),
    ask: (task) => {
      child.stdin.write(`${JSON.stringify(task)}\n`);
      return next() as Promise<PeerAnswer>;
    },
    stop: () => child.kill(),
  };
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** Float weights by Hugging Face name, with their place in the data file. */
function weightsOf(model: OnnxModel): Record<string, { dims: readonly number[]; offset: number }> {
  return Object.fromEntries(
    model.graph.initializers.flatMap(({ name, dims, data }) =>
      data.kind === 'external' && name.endsWith('.weight')
        ? [[name, { dims, offset: data.offset }]]
        : [],
    ),
  );
}

try {
  const rows: string[] = [];
  for (const style of options.styles.split(',') as ('raw' | 'groupQueryAttention')[]) {
    const decoder = writeDecoder({ ...shapeM, style }, join(folder, `${style}.onnx`));
    const peer = startPeer({
      shape: shapeM,
      tokens,
      data: join(folder, `${style}.onnx_data`),
      weights: weightsOf(decoder),
    });
    console.error('peer', JSON.stringify(await peer.hello));
    const base = scoring(decoder);
    const lora = withLora(base);
    for (const scored of options.scored.split(',').map(Number)) {
      for (const task of ['embeddings', 'lora'] as const) {
        const source = task === 'lora' ? lora.model : base;
        const wrt = task === 'lora' ? lora.matrices : ['inputs_embeds'];
        const graph = differentiate(source, {
          outputs: ['logprobs'],
          wrt,
          causalBlocks: Number(options.blocks),
        });
        const settings = { shareWeights: false };
        await using gradient = await createSession(graph, settings);
        await using forward = await createSession(source, settings);
        const forwardFeeds = feedsOf(source, shapeM, tokens, scored);
        const gradientFeeds = feedsOf(graph, shapeM, tokens, scored);
        const timed = async (
          session: typeof gradient,
          feeds: Record<string, TensorLike>,
        ): Promise<{ ms: number; results: Record<string, TensorLike> }> => {
          const start = performance.now();
          const results = await session.run(feeds);
          return { ms: performance.now() - start, results };
        };
        const ours: number[] = [];
        const ownForward: number[] = [];
        const theirs: number[] = [];
        for (let pair = -1; pair < pairs; pair++) {
          const a = await timed(gradient, gradientFeeds);
          const b = await timed(forward, forwardFeeds);
          const eager = pair < 0 ? await peer.ask({ task, attention: 'eager', scored }) : undefined;
          const c = await peer.ask({ task, attention: 'sdpa', scored });
          if (pair < 0) {
            const norm = Math.sqrt(
              wrt.reduce((sum, name) => {
                const values = a.results[`gradient.${name}`]?.data as Float32Array;
                return sum + values.reduce((square, value) => square + value * value, 0);
              }, 0),
            );
            console.error(
              `${style} ${task} ${scored}: gradient norm ours ${norm}, PyTorch ${c.norm} (eager: ${eager?.norm})`,
            );
            continue;
          }
          ours.push(a.ms);
          ownForward.push(b.ms);
          theirs.push(c.ms);
        }
        const ratio = median(ours.map((ms, index) => ms / (theirs[index] ?? Number.NaN)));
        const own = median(ours.map((ms, index) => ms / (ownForward[index] ?? Number.NaN)));
        const row = `| ${style} | ${task} | ${scored} | ${median(ours).toFixed(0)} | ${median(theirs).toFixed(0)} | **${ratio.toFixed(2)}** | ${median(ownForward).toFixed(0)} | ${own.toFixed(2)} |`;
        console.error(row);
        rows.push(row);
      }
    }
    peer.stop();
  }
  console.log(`${cpus().length} cores (${cpus()[0]?.model}), ${tokens} tokens, ${pairs} pairs\n`);
  console.log(
    '| style | gradient | scored tokens | ours, ms | PyTorch sdpa, ms | ratio | own forward, ms | to own forward |',
  );
  console.log('|---|---|---|---|---|---|---|---|');
  console.log(rows.join('\n'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
