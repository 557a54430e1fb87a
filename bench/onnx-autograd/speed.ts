// Time of gradients against PyTorch on the same weights.
//   npx tsx bench/onnx-autograd/speed.ts --python path/to/python [--pairs 7] [--styles raw] [--tasks lora]
// Python needs torch, transformers, peft and safetensors. Ours, our forward and theirs (eager and sdpa attention)
// take turns. The median of each is printed as a Markdown table, and the median of the ratios of turns; theirs
// is the faster of the two.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  createSession,
  differentiate,
  type OnnxModel,
  type Session,
  type TensorLike,
} from '@iapo/onnx-autograd';
import {
  type DecoderOptions,
  generateDecoder,
  writeDecoderWeights,
} from '@iapo/onnx-autograd/generator';
import { feedsOf, scoring, shapeM, withLora } from './decoder-case.js';
import { TorchPeer } from './torch-peer.js';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    pairs: { type: 'string', default: '7' },
    styles: { type: 'string', default: 'raw,group-query-attention' },
    tasks: { type: 'string', default: 'embeddings,lora' },
    scored: { type: 'string', default: '64,1023' },
    // Attention that is known to be causal is computed in this many blocks.
    blocks: { type: 'string', default: '4' },
    // Weights stay mapped from the file, as sessions do by default, instead of being packed for their kernels.
    shared: { type: 'boolean', default: false },
  },
});
const tokens = 1024;
const pairs = Number(options.pairs);

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

const medianRatio = (a: readonly number[], b: readonly number[]): number =>
  median(a.map((value, index) => value / (b[index] ?? Number.NaN)));

interface Run {
  readonly ms: number;
  readonly results: Record<string, TensorLike>;
}

async function timed(session: Session, feeds: Record<string, TensorLike>): Promise<Run> {
  const start = performance.now();
  const results = await session.run(feeds);
  return { ms: performance.now() - start, results };
}

/** Fails unless both sides computed the same. */
function requireSame(what: string, ours: number, theirs: number): void {
  // Both add thousands of float32 terms in different orders.
  if (Math.abs(ours - theirs) <= 1e-3 * Math.abs(theirs)) return;
  throw new Error(`${what}: ours ${ours}, PyTorch ${theirs}`);
}

const floats = (tensor: TensorLike | undefined): Float32Array => tensor?.data as Float32Array;
const sumOf = (values: Float32Array, of: (value: number) => number): number =>
  values.reduce((sum, value) => sum + of(value), 0);

interface Case {
  readonly style: NonNullable<DecoderOptions['style']>;
  readonly task: 'embeddings' | 'lora';
  readonly scored: number;
}

async function measure(decoder: OnnxModel, peer: TorchPeer, wanted: Case): Promise<string> {
  const { style, task, scored } = wanted;
  const base = scoring(decoder);
  const lora = withLora(base);
  const source = task === 'lora' ? lora.model : base;
  const wrt = task === 'lora' ? lora.matrices : ['inputs_embeds'];
  const causalBlocks = Number(options.blocks);
  const graph = differentiate(source, { outputs: ['logprobs'], wrt, causalBlocks });
  const settings = { shareWeights: options.shared };
  await using gradient = await createSession(graph, settings);
  await using forward = await createSession(source, settings);
  const gradientFeeds = feedsOf(graph, shapeM, tokens, scored);
  const forwardFeeds = feedsOf(source, shapeM, tokens, scored);
  const times = { ours: [], forward: [], eager: [], sdpa: [] } as Record<string, number[]>;
  for (let pair = -1; pair < pairs; pair++) {
    const { ms, results } = await timed(gradient, gradientFeeds);
    const sdpa = await peer.ask({ task, attention: 'sdpa', scored });
    const own = await timed(forward, forwardFeeds);
    const eager = await peer.ask({ task, attention: 'eager', scored });
    if (pair < 0) {
      const squares = wrt.map((name) =>
        sumOf(floats(results[`gradient.${name}`]), (value) => value * value),
      );
      const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
      const sum = sumOf(floats(results['logprobs']), (value) => value);
      for (const theirs of [sdpa, eager]) {
        requireSame('sum of log-probabilities', sum, theirs.sum);
        requireSame('norm of the gradient', norm, theirs.norm);
      }
      continue;
    }
    times.ours?.push(ms);
    times.forward?.push(own.ms);
    times.sdpa?.push(sdpa.ms);
    times.eager?.push(eager.ms);
  }
  const { ours = [], forward: ownForward = [], eager = [], sdpa = [] } = times;
  const theirs = median(eager) < median(sdpa) ? eager : sdpa;
  const cells = [
    style,
    task,
    scored,
    ...[ours, sdpa, eager].map((numbers) => median(numbers).toFixed(0)),
    `**${medianRatio(ours, theirs).toFixed(2)}**`,
    median(ownForward).toFixed(0),
    `**${medianRatio(ours, ownForward).toFixed(2)}**`,
  ];
  return `| ${cells.join(' | ')} |`;
}

const folder = mkdtempSync(join(tmpdir(), 'onnx-autograd-bench-'));
try {
  const weights = join(folder, 'weights.safetensors');
  writeDecoderWeights(shapeM, weights);
  const peer = new TorchPeer(options.python, { shape: shapeM, tokens, weights });
  const versions = Object.entries(await peer.versions()).map(
    ([name, version]) => `${name} ${version}`,
  );
  const rows: string[] = [];
  for (const style of options.styles.split(',') as Case['style'][]) {
    const decoder = generateDecoder({ ...shapeM, style, directory: join(folder, style) });
    for (const scored of options.scored.split(',').map(Number)) {
      for (const task of options.tasks.split(',') as Case['task'][]) {
        rows.push(await measure(decoder, peer, { style, task, scored }));
        console.error(rows.at(-1));
      }
    }
  }
  peer.stop();
  console.log(`${cpus().length} cores (${cpus()[0]?.model}), ${versions.join(', ')},`);
  console.log(`${tokens} tokens, ${pairs} turns, times in ms\n`);
  console.log(
    '| style | gradient | scored tokens | ours | sdpa | eager | ours / PyTorch | own forward | ours / own forward |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|');
  console.log(rows.join('\n'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
