// Tokens per second of 8 samples of 64 tokens after one prompt of 400 tokens, against transformers.js.
//   npx tsx bench/vlm-adapters/sampling.ts [--turns 5] [--style raw] [--weights float32] [--samples 8]
// transformers.js cannot share a prompt between samples, so its generate() is called once for each. Both sides take
// turns on the same files; greedy decoding is its fastest, and is measured beside its sampling.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { env, Qwen2_5_VLForConditionalGeneration, Tensor } from '@huggingface/transformers';
import { OnnxVlm } from '@iapo/vlm-adapters';
import { machine, median, medianRatio, timed } from './measures.js';
import { shapeM, writeModelFolder } from './model-folder.js';
import { textPrompt } from './text-prompt.js';

const { values: options } = parseArgs({
  options: {
    turns: { type: 'string', default: '5' },
    style: { type: 'string', default: 'raw' },
    weights: { type: 'string', default: 'float32' },
    samples: { type: 'string', default: '8' },
    tokens: { type: 'string', default: '64' },
    prompt: { type: 'string', default: '400' },
  },
});
const [turns, samples, tokens] = [options.turns, options.samples, options.tokens].map(Number) as [
  number,
  number,
  number,
];
const style = options.style === 'raw' ? 'raw' : 'group-query-attention';
const weights = options.weights === 'q4' ? 'q4' : 'float32';

/** What a call made, and how fast. */
interface Rate {
  readonly made: number;
  readonly perSecond: number;
}

const folder = mkdtempSync(join(tmpdir(), 'vlm-adapters-bench-'));
try {
  writeModelFolder(folder, shapeM, { style, weights });
  env.allowRemoteModels = false;
  const loading = await timed(() => OnnxVlm.load(folder));
  const ours = loading.result;
  const theirLoading = await timed(() =>
    Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, {
      dtype: 'fp32',
      local_files_only: true,
    }),
  );
  const theirs = theirLoading.result;
  const prompt = await textPrompt(ours, Number(options.prompt));
  const length = prompt.inputIds.length;

  async function sampleHere(seed: number): Promise<Rate> {
    const { ms, result } = await timed(() =>
      ours.sample([prompt], { n: samples, maxNewTokens: tokens, seed }),
    );
    const made = result.flat().reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
    return { made, perSecond: (1000 * made) / ms };
  }

  async function generateThere(samplesTokens: boolean): Promise<Rate> {
    const ids = BigInt64Array.from(prompt.inputIds, BigInt);
    const ones = new BigInt64Array(length).fill(1n);
    const start = performance.now();
    let made = 0;
    for (let sample = 0; sample < samples; sample++) {
      const output = await theirs.generate({
        // Its typings leave out what it takes besides a generation configuration.
        ...({
          input_ids: new Tensor('int64', ids, [1, length]),
          attention_mask: new Tensor('int64', ones, [1, length]),
        } as object),
        max_new_tokens: tokens,
        do_sample: samplesTokens,
      });
      if (!('dims' in output)) throw new Error('expected a tensor of tokens');
      made += (output.dims[1] ?? 0) - length;
    }
    return { made, perSecond: (1000 * made) / (performance.now() - start) };
  }

  const rates = { ours: [] as number[], sampling: [] as number[], greedy: [] as number[] };
  let made = 0;
  // The first turn warms up.
  for (let turn = -1; turn < turns; turn++) {
    const own = await sampleHere(turn + 1);
    const sampling = await generateThere(true);
    const greedy = await generateThere(false);
    if (turn < 0) continue;
    made = own.made;
    rates.ours.push(own.perSecond);
    rates.sampling.push(sampling.perSecond);
    rates.greedy.push(greedy.perSecond);
  }
  const faster = median(rates.greedy) > median(rates.sampling) ? rates.greedy : rates.sampling;
  console.log(`${machine}; ${turns} turns; prompt of ${length} tokens, ${made} tokens sampled`);
  console.log(
    `load: ours ${loading.ms.toFixed(0)} ms, transformers.js ${theirLoading.ms.toFixed(0)} ms\n`,
  );
  console.log(
    '| style | weights | samples | ours, tokens/s | generate(), sampling | generate(), greedy | ratio to the faster |',
  );
  console.log('|---|---|---|---|---|---|---|');
  const cells = [style, weights, samples]
    .concat([rates.ours, rates.sampling, rates.greedy].map((list) => median(list).toFixed(0)))
    .concat(`**${medianRatio(rates.ours, faster).toFixed(2)}**`);
  console.log(`| ${cells.join(' | ')} |`);
  await ours.dispose();
  await theirs.dispose();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
