// Time of logprobs and of the LoRA gradient of a batch, against PyTorch and PEFT on the same weights.
//   npx tsx bench/vlm-adapters/scoring.ts --python path/to/python [--turns 5] [--styles raw,group-query-attention]
// Python needs torch, transformers, peft and safetensors. Both sides take turns; PyTorch runs with both attention
// implementations, and all sequences at once or one by one, and the fastest of these is compared.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeDecoderWeights } from '@iapo/onnx-autograd/generator';
import { OnnxVlm, type Sequence } from '@iapo/vlm-adapters';
import { machine, median, medianRatio, timed } from './measures.js';
import { decoderOptions, ropeTheta, shapeM, writeModelFolder } from './model-folder.js';
import { textPrompt } from './text-prompt.js';
import { type PeerTask, TorchPeer } from './torch-peer.js';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    turns: { type: 'string', default: '5' },
    styles: { type: 'string', default: 'raw,group-query-attention' },
    tasks: { type: 'string', default: 'logprobs,backward' },
    sequences: { type: 'string', default: '8' },
    prompt: { type: 'string', default: '400' },
    scored: { type: 'string', default: '64' },
  },
});
const turns = Number(options.turns);
const count = Number(options.sequences);
const scored = Number(options.scored);

type Style = 'raw' | 'group-query-attention';

/** Both sides' adapters hold the same numbers, which are not 0 in either matrix. */
function fillAdapter(parameters: Readonly<Record<string, Float32Array>>): void {
  for (const matrix of Object.values(parameters)) {
    for (const index of matrix.keys()) matrix[index] = Math.cos(index) * 0.02;
  }
}

/** Fails unless both sides computed the same. */
function requireSame(what: string, ours: number, theirs: number): void {
  // Both add thousands of float32 terms in different orders.
  if (Math.abs(ours - theirs) <= 1e-3 * Math.abs(theirs)) return;
  throw new Error(`${what}: ours ${ours}, PyTorch ${theirs}`);
}

const sumOf = (lists: readonly Float32Array[], of: (value: number) => number): number =>
  lists.reduce((sum, list) => list.reduce((inner, value) => inner + of(value), sum), 0);

const folder = mkdtempSync(join(tmpdir(), 'vlm-adapters-bench-'));
try {
  const weights = join(folder, 'weights.safetensors');
  writeDecoderWeights(decoderOptions(shapeM), weights);
  const rows: string[] = [];
  let peer: TorchPeer | null = null;
  let versions: string[] = [];
  for (const style of options.styles.split(',') as Style[]) {
    const modelFolder = join(folder, style);
    mkdirSync(modelFolder);
    writeModelFolder(modelFolder, shapeM, { style });
    await using model = await OnnxVlm.load(modelFolder, {
      lora: { r: 8, alpha: 16, targetModules: 'all-linear' },
    });
    fillAdapter(model.parameters());
    const prompt = await textPrompt(model, Number(options.prompt));
    const completionOf = (row: number): number[] =>
      Array.from({ length: scored }, (_, index) => (index * 37 + row * 101) % 640);
    const sequences: Sequence[] = Array.from({ length: count }, (_, row) => ({
      prompt,
      completion: completionOf(row),
    }));
    if (peer === null) {
      const table = join(folder, 'table.bin');
      const ids = Array.from({ length: shapeM.vocabulary }, (_, id) => id);
      writeFileSync(table, await model.embedTokens(ids));
      peer = new TorchPeer(options.python, {
        shape: shapeM,
        ropeTheta,
        weights,
        table,
        ids: sequences.map(({ completion }) => [...prompt.inputIds, ...completion]),
        scored,
      });
      versions = Object.entries(await peer.versions()).map(([name, value]) => `${name} ${value}`);
    }
    const ones = sequences.map(() => new Float32Array(scored).fill(1));
    for (const task of options.tasks.split(',') as PeerTask['task'][]) {
      const ways: PeerTask[] = [
        { task, attention: 'sdpa', batch: count },
        { task, attention: 'sdpa', batch: 1 },
        { task, attention: 'eager', batch: count },
      ];
      const own: number[] = [];
      const theirs = ways.map((): number[] => []);
      for (let turn = -1; turn < turns; turn++) {
        const { ms, result } = await timed(async () =>
          task === 'logprobs'
            ? {
                logprobs: (await model.logprobs(sequences)).map((row) => row.logprobs),
                gradients: {},
              }
            : await model.backward(sequences, ones, { wrt: 'adapter' }),
        );
        if (turn >= 0) own.push(ms);
        for (const [index, way] of ways.entries()) {
          const answer = await peer.ask(way);
          if (turn >= 0) theirs[index]?.push(answer.ms);
          else {
            requireSame(
              'sum of log-probabilities',
              sumOf(result.logprobs as Float32Array[], (x) => x),
              answer.sum,
            );
            const norm = Math.sqrt(sumOf(Object.values(result.gradients), (x) => x * x));
            requireSame('norm of the gradient', norm, answer.norm);
          }
        }
      }
      const best = theirs.reduce((a, b) => (median(b) < median(a) ? b : a));
      const cells = [style, task, ...[own, ...theirs].map((list) => median(list).toFixed(0))];
      rows.push(`| ${cells.join(' | ')} | **${medianRatio(own, best).toFixed(2)}** |`);
      console.error(rows.at(-1));
    }
  }
  peer?.stop();
  console.log(`${machine}, ${versions.join(', ')}`);
  console.log(
    `${count} sequences of ${options.prompt} + ${scored} tokens, ${turns} turns, times in ms\n`,
  );
  console.log(
    `| style | task | ours | sdpa, ${count} at once | sdpa, one by one | eager, ${count} at once | ours / fastest |`,
  );
  console.log('|---|---|---|---|---|---|---|');
  console.log(rows.join('\n'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
