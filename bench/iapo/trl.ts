// Seconds of a GRPO step beside TRL's GRPOTrainer: the same weights, prompts, group size and number of tokens, one
// turn, text only, LoRA of rank 16 on all linear layers of the decoder.
//   npm run export-reference -w packages/tiny-vlm -- --steps 1 --out FOLDER
//   npx tsx bench/iapo/trl.ts --folder FOLDER/model --python python3 [--turns 3] [--workers 2] [--old-logprobs sampled]
// Python needs torch, transformers, peft, trl and datasets.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type EpisodeReward, OnnxVlm, trainIapo } from '@iapo/iapo';
import { SmallCharts } from '@iapo/tiny-vlm';

const { values: options } = parseArgs({
  options: {
    folder: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    turns: { type: 'string', default: '3' },
    steps: { type: 'string', default: '6' },
    workers: { type: 'string', default: '2' },
    'old-logprobs': { type: 'string', default: 'sampled' },
  },
});
const { folder, python } = options;
if (folder === undefined) throw new Error('`--folder` is missing; see the top of this file.');
const [turns, steps] = [Number(options.turns), Number(options.steps)];
const [promptsPerStep, samplesPerPrompt, tokens] = [8, 8, 16];

const charts = new SmallCharts({ split: 'train', seed: 'trl' }).tasks(promptsPerStep * steps);
const tasks = charts.map(({ id, systemPrompt, request, answers }) => ({
  id,
  answers,
  toolNames: [],
  messages: [
    { role: 'system' as const, content: [{ type: 'text' as const, text: systemPrompt }] },
    { role: 'user' as const, content: [{ type: 'text' as const, text: request }] },
  ],
}));
const scratch = mkdtempSync(join(tmpdir(), 'iapo-trl-'));
const prompts = join(scratch, 'prompts.json');
writeFileSync(
  prompts,
  JSON.stringify(
    charts.map(({ systemPrompt, request }) => [
      { role: 'system', content: systemPrompt },
      { role: 'user', content: request },
    ]),
  ),
);

/** No answer is right, and most are cut off. */
const scorer = {
  name: 'none',
  description: 'Nothing is right.',
  score: () => ({ score: 0 }),
};

/** As the peer's: no two rollouts of a group are likely to have the same, so that every row is differentiated. */
const tokenReward: EpisodeReward = {
  name: 'tokens',
  values: (inputs) =>
    inputs.map(({ episode: { firstTurn } }) => {
      const ids = [...firstTurn.tokenIds];
      return ids.reduce((sum, id) => sum + (id % 7), 0) / (7 * ids.length);
    }),
};

interface Ours {
  readonly seconds: number[];
  /** Seconds of each step by phase. */
  readonly phases: Record<string, number[]>;
}

async function ours(): Promise<Ours> {
  await using student = await OnnxVlm.load(folder ?? '', {
    lora: { r: 16, alpha: 32, targetModules: 'all-linear' },
    worker: Number(options.workers),
    threads: 1,
  });
  const measured: Ours = { seconds: [], phases: {} };
  for await (const event of trainIapo({
    student,
    tasks,
    steps,
    promptsPerStep,
    samplesPerPrompt,
    learningRate: 1e-5,
    // TRL leaves the pass that scores them out as well when there is one update a batch.
    oldLogprobs: options['old-logprobs'] === 'scored' ? 'scored' : 'sampled',
    episode: { maxTurns: 1, maxTokensPerTurn: tokens, temperature: 1 },
    score: { scorer },
    rewards: [{ weight: 1, reward: tokenReward }],
  })) {
    if (event.type === 'update-skipped') throw new Error('A step had nothing to learn.');
    if (event.type !== 'step-end') continue;
    const phases = Object.entries(event.clock.phases ?? {});
    measured.seconds.push(phases.reduce((sum, [, ms]) => sum + ms, 0) / 1000);
    for (const [phase, ms] of phases)
      measured.phases[phase] = [...(measured.phases[phase] ?? []), ms / 1000];
  }
  return measured;
}

interface Peer {
  readonly seconds: readonly number[];
  readonly generation: readonly number[];
  readonly total: number;
  readonly trl: string;
  readonly torch: string;
}

function theirs(): Peer {
  const script = fileURLToPath(new URL('../peers/iapo/trl_grpo.py', import.meta.url));
  const sizes = ['--prompts', promptsPerStep, '--samples', samplesPerPrompt, '--tokens', tokens];
  const out = execFileSync(
    python,
    [script, folder ?? '', prompts, '--steps', String(steps), ...sizes.map(String)],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  return JSON.parse(out.trim().split('\n').at(-1) ?? '') as Peer;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
/** The first step creates sessions and compiles: it is left out on both sides. */
const later = (values: readonly number[]): readonly number[] => values.slice(1);

try {
  const rows: { ours: number; theirs: number; generation: number }[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const peer = theirs();
    if (turn === 0) console.log(`trl ${peer.trl}, torch ${peer.torch}, Node ${process.version}`);
    const { seconds, phases } = await ours();
    for (const [phase, values] of Object.entries(phases))
      console.log(`${phase} ${median(later(values)).toFixed(3)} s`);
    rows.push({
      ours: median(later(seconds)),
      theirs: median(later(peer.seconds)),
      generation: median(later(peer.generation)),
    });
    console.log(JSON.stringify(rows.at(-1)));
  }
  const ratio = median(rows.map((row) => row.ours / row.theirs));
  console.log(
    `ours ${median(rows.map((row) => row.ours)).toFixed(2)} s, TRL ${median(rows.map((row) => row.theirs)).toFixed(2)} s a step (generation ${median(rows.map((row) => row.generation)).toFixed(2)} s), ratio ${ratio.toFixed(2)}`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
