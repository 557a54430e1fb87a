// `attribute` through an OnnxVlm against Captum on the same weights: integrated gradients of a 20-token call over a
// 400-token prompt with 16 steps, and exact Shapley values over four blocks. Shape M, random weights, float32.
//   npx tsx bench/attribution/captum.ts --python path/to/python [--turns 3]
// Python needs torch, transformers, captum and safetensors. Captum runs after ours, not beside it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeDecoderWeights } from '@iapo/onnx-autograd/generator';
import { OnnxVlm } from '@iapo/vlm-adapters';
import {
  type AttributeOptions,
  attribute,
  tokenWith,
} from '../../packages/attribution/src/index.js';
import { machine, median, memoryMebibytes, timed } from '../vlm-adapters/measures.js';
import {
  decoderOptions,
  ropeTheta,
  shapeM,
  writeModelFolder,
} from '../vlm-adapters/model-folder.js';
import { textPrompt } from '../vlm-adapters/text-prompt.js';

const { values: flags } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    turns: { type: 'string', default: '3' },
    styles: { type: 'string', default: 'raw,group-query-attention' },
  },
});
const steps = 16;
const shares = [0.15, 0.3, 0.55, 1];
const names = ['P', 'T', 'I', 'R'];

/** Largest difference of two lists, as a share of the largest value. */
function difference(ours: readonly number[], theirs: readonly number[]): number {
  const largest = Math.max(...theirs.map(Math.abs));
  return (
    Math.max(...ours.map((value, index) => Math.abs(value - (theirs[index] ?? Number.NaN)))) /
    largest
  );
}

const folder = mkdtempSync(join(tmpdir(), 'attribution-bench-'));
try {
  const weights = join(folder, 'weights.safetensors');
  const table = join(folder, 'table.bin');
  const setupFile = join(folder, 'setup.json');
  writeDecoderWeights(decoderOptions(shapeM), weights);
  const rows = [];
  for (const style of flags.styles.split(',') as ('raw' | 'group-query-attention')[]) {
    const modelFolder = join(folder, style);
    writeModelFolder(modelFolder, shapeM, { style });
    await using model = await OnnxVlm.load(modelFolder);
    const prompt = await textPrompt(model, 400);
    const tokens = prompt.inputIds.length;
    const completion = Array.from({ length: 20 }, (_, index) => (index * 37 + 11) % 640);
    const ends = shares.map((share) => Math.round(share * tokens));
    const blocks = Array.from(
      { length: tokens },
      (_, at) => names[ends.findIndex((end) => at < end)]!,
    );
    // Captum's baseline is the embedding of token 0.
    const baseline = tokenWith({ id: 0 });
    const input = { prompt, completion, blocks, modalities: blocks.map(() => 'text' as const) };
    const measure = async (options: AttributeOptions) => {
      const times = [];
      let scores: number[] = [];
      for (let turn = -1; turn < Number(flags.turns); turn++) {
        const { ms, result } = await timed(() => attribute(model, input, { baseline, ...options }));
        if (turn >= 0) times.push(ms);
        scores =
          options.method === 'shapley'
            ? result.blocks.map(({ score }) => score ?? Number.NaN)
            : [...result.tokens.scores];
      }
      return { ms: median(times), scores };
    };
    const gradients = await measure({ quadrature: 'gaussLegendre', steps, maximumSteps: steps });
    const shapley = await measure({ method: 'shapley' });
    rows.push({ style, gradients, shapley, peak: memoryMebibytes('VmHWM') });
    writeFileSync(
      table,
      await model.embedTokens(Array.from({ length: shapeM.vocabulary }, (_, id) => id)),
    );
    writeFileSync(
      setupFile,
      JSON.stringify({
        shape: shapeM,
        ropeTheta,
        weights,
        table,
        prompt: [...prompt.inputIds],
        call: completion,
        blocks: ends.map((end, index) => [ends[index - 1] ?? 0, end]),
      }),
    );
  }
  const script = fileURLToPath(new URL('../peers/attribution/captum_peer.py', import.meta.url));
  const peer = spawnSync(flags.python, [script, '--json', '--setup', setupFile], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // What we measured is told even if the peer cannot run.
  if (peer.status !== 0) throw new Error(`The peer ended with ${peer.status}.`);
  const captum = JSON.parse(peer.stdout.trim().split('\n').at(-1) ?? '');
  console.log(
    `${machine}; torch ${captum.torch}, captum ${captum.captum}, transformers ${captum.transformers}`,
  );
  const [gradientSeconds, shapleySeconds] = [
    captum.seconds['captum, 16 steps a token'],
    captum.seconds['captum ShapleyValues'],
  ];
  console.log(
    `captum: integrated gradients ${gradientSeconds.toFixed(1)} s, Shapley ${shapleySeconds.toFixed(1)} s, peak ${captum['peak memory, MiB']} MiB`,
  );
  for (const { style, gradients, shapley, peak } of rows) {
    console.log(
      `${style}: integrated gradients ${(gradients.ms / 1000).toFixed(2)} s (ratio ${(gradients.ms / 1000 / gradientSeconds).toFixed(3)}, largest difference ${difference(gradients.scores, captum.scores['integrated gradients']).toExponential(1)}), ` +
        `Shapley ${(shapley.ms / 1000).toFixed(2)} s (ratio ${(shapley.ms / 1000 / shapleySeconds).toFixed(3)}, largest difference ${difference(shapley.scores, captum.scores.shapley).toExponential(1)}), peak so far ${peak.toFixed(0)} MiB`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
