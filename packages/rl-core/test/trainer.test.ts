import { describe, expect, it } from 'vitest';
import {
  AdamW,
  type Policy,
  RlError,
  Sgd,
  type TrainEvent,
  type TrainOptions,
  train,
} from '../src/index.js';
import { type BanditSequence, contexts, LENGTH, share, tabularPolicy } from './bandits.js';
import { expectAllClose } from './close.js';

type Options = TrainOptions<number, BanditSequence>;

function options(more: Partial<Options> = {}): Options {
  return {
    policy: tabularPolicy(),
    prompts: contexts,
    rewards: { share },
    steps: 3,
    promptsPerStep: 3,
    samplesPerPrompt: 4,
    learningRate: 0.1,
    optimizer: new AdamW(),
    seed: 2,
    clock: () => 0,
    ...more,
  };
}

async function collect(more: Partial<Options> = {}): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of train(options(more))) events.push(event);
  return events;
}

const ofType = <T extends TrainEvent['type']>(
  events: readonly TrainEvent[],
  type: T,
): Extract<TrainEvent, { type: T }>[] =>
  // The filter compares the very property that the type is chosen by.
  events.filter((event) => event.type === type) as Extract<TrainEvent, { type: T }>[];

async function failure(more: Partial<Options>): Promise<RlError> {
  try {
    await collect(more);
  } catch (error) {
    if (error instanceof RlError) return error;
    throw error;
  }
  throw new Error('the run did not fail');
}

/** The bandit's policy with some parts replaced. */
function policyWith(
  change: (policy: Policy<number, BanditSequence>) => Partial<Policy<number, BanditSequence>>,
): Policy<number, BanditSequence> {
  const policy = tabularPolicy();
  return { ...policy, ...change(policy) };
}

const tableOf = (policy: Policy<number, BanditSequence>): number[] => [
  ...policy.parameters().table!,
];

describe('train', () => {
  it('yields typed events in the order of the loop, with progress', async () => {
    let time = 0;
    const events = await collect({
      clock: () => {
        time += 10;
        return time;
      },
    });
    const step = ['rollout-end', 'update-end', 'step-end'];
    const seen = events.map(({ type }) => type).filter((type) => type !== 'groups-without-spread');
    expect(seen).toEqual(['run-start', ...step, ...step, ...step, 'run-end']);
    const [start] = events;
    expect(start).toMatchObject({ type: 'run-start', parameters: 24, resumedFrom: null });
    expect(start?.clock.remainingMs).toBeNull();
    expect(ofType(events, 'step-end')[1]?.clock.remainingMs).toBeGreaterThan(0);
    expect(events.at(-1)).toMatchObject({ step: 3, reason: 'completed' });
  });

  it('logs what health needs in every step', async () => {
    const events = await collect({ loss: { beta: 0.1 }, reference: tabularPolicy() });
    for (const { metrics } of ofType(events, 'step-end')) {
      const names = [
        'kl',
        'entropy',
        'clip_ratio/region_mean',
        'ratio/min',
        'ratio/max',
        'rewards/share/mean',
        'completions/mean_length',
        'completions/clipped_ratio',
        'grad_norm',
        'loss',
        'frac_reward_zero_std',
        'learning_rate',
        'num_tokens',
      ];
      for (const name of names) expect(metrics[name], name).toEqual(expect.any(Number));
    }
  });

  it('gives the same numbers for the same seed and others for another', async () => {
    expect(await collect()).toEqual(await collect());
    expect(await collect()).not.toEqual(await collect({ seed: 3 }));
  });

  it('accumulates micro-batches to the gradient of the whole batch', async () => {
    const tables: number[][] = [];
    for (const microBatchSize of [null, 1, 5]) {
      const policy = tabularPolicy();
      await collect({ policy, microBatchSize, optimizer: new Sgd(), learningRate: 5 });
      tables.push(tableOf(policy));
    }
    // Each micro-batch's gradient is rounded to single precision once.
    for (const table of tables) expectAllClose(table, tables[0]!, { atol: 1e-5 });
  });

  it('makes μ · miniBatches updates a step, off-policy after the first', async () => {
    const events = await collect({ updatesPerBatch: 2, miniBatches: 3, learningRate: 1 });
    const updates = ofType(events, 'update-end').filter(({ step }) => step === 1);
    expect(updates.map(({ update }) => update)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(updates[0]?.metrics['ratio/max']).toBe(1);
    expect(updates[5]?.metrics['ratio/max']).not.toBe(1);
  });

  it('leaves samples out that lag behind by more than maxStaleness updates', async () => {
    const events = await collect({ updatesPerBatch: 4, maxStaleness: 1 });
    const first = events.filter((event) => 'update' in event && event.step === 1);
    expect(first.map(({ type }) => type)).toEqual([
      'update-end',
      'update-end',
      'update-skipped',
      'update-skipped',
    ]);
    expect(ofType(events, 'update-skipped')[0]?.reason).toBe('stale');
    expect(ofType(events, 'step-end')[0]?.metrics['samples/stale']).toBe(24);
  });

  it('replaces groups without spread when sampling dynamically, and says which they were', async () => {
    // Only the first prompt's answers differ in reward.
    const onlyFirst: Options['rewards'] = {
      first: (inputs) =>
        inputs.map(({ promptIndex, sample }) =>
          promptIndex === 0 ? sample.sequence.arms[0]! % 2 : 1,
        ),
    };
    const events = await collect({
      rewards: onlyFirst,
      dynamicSampling: { maxRefills: 4 },
      promptsPerStep: 2,
      steps: 1,
    });
    const [rollout] = ofType(events, 'rollout-end');
    const [dead] = ofType(events, 'groups-without-spread');
    expect(rollout?.groups).toBeGreaterThan(0);
    expect(rollout?.droppedGroups).toBe(dead?.promptIndices.length);
    expect(new Set(dead?.promptIndices)).toEqual(new Set([1, 2]));
  });

  it('skips the update when no group has signal', async () => {
    const policy = tabularPolicy();
    const before = tableOf(policy);
    const rewards = { same: (inputs: readonly unknown[]) => inputs.map(() => 1) };
    const events = await collect({ policy, rewards, dynamicSampling: {} });
    expect(ofType(events, 'update-skipped')).toHaveLength(3);
    expect(tableOf(policy)).toEqual(before);
  });

  it('does not draw easy prompts again when told so, and ends when none is left', async () => {
    const rewards = { easy: (inputs: readonly unknown[]) => inputs.map(() => 1) };
    const events = await collect({
      rewards,
      replayEasyPrompts: false,
      promptsPerStep: 3,
      steps: 9,
    });
    expect(events.at(-1)).toMatchObject({ type: 'run-end', reason: 'prompts-exhausted' });
    const drawn = ofType(events, 'rollout-end').map(({ groups }) => groups);
    expect(drawn.reduce((sum, groups) => sum + groups, 0)).toBe(3);
  });

  it('counts rewards that are null and keeps them out of the advantages', async () => {
    const rewards = {
      share: async (inputs: Parameters<typeof share>[0]) =>
        (await share(inputs, { step: 0, seed: 0, signal: undefined })).map((r, i) =>
          i === 0 ? null : r,
        ),
    };
    const events = await collect({ rewards, steps: 1 });
    expect(ofType(events, 'step-end')[0]?.metrics.unscorable).toBe(1);
  });

  it('asks for entropy cotangents with an entropy bonus, and adapts its coefficient', async () => {
    const entropyOf = async (more: Partial<Options>): Promise<number> => {
      const events = await collect({ steps: 20, learningRate: 0.3, ...more });
      return ofType(events, 'step-end').at(-1)?.metrics.entropy ?? Number.NaN;
    };
    const plain = await entropyOf({});
    expect(await entropyOf({ loss: { entropyCoef: 0.5 } })).toBeGreaterThan(plain + 0.1);
    const adaptive = { loss: { entropyCoef: 0.3 }, adaptiveEntropy: { target: 1, delta: 0.1 } };
    expect(await entropyOf(adaptive)).toBeGreaterThan(plain);
  });

  it('charges KL to the reference in the reward, per sequence and per token', async () => {
    for (const advantage of ['group', 'reinforce_plus_plus'] as const) {
      const policy = tabularPolicy();
      const free = tabularPolicy();
      const steps = { steps: 25, learningRate: 0.3, advantage };
      await collect({ ...steps, policy: free });
      await collect({
        ...steps,
        policy,
        reference: tabularPolicy(),
        klInReward: { coefficient: 2 },
      });
      const size = (p: typeof policy): number => Math.hypot(...tableOf(p));
      expect(size(policy)).toBeLessThan(size(free));
    }
  });
});

describe('health', () => {
  const nanAt = (bad: number): Policy<number, BanditSequence> =>
    policyWith((policy) => ({
      logprobs: async (sequences, given) =>
        (await policy.logprobs(sequences, given)).map((scores, i) =>
          i === bad ? { ...scores, logprobs: [Number.NaN, -1] } : scores,
        ),
    }));

  it('stops at a log-probability that is not finite and names the sample', async () => {
    const error = await failure({ policy: nanAt(5) });
    expect(error.code).toBe('non-finite');
    expect(error.message).toMatch(/token 0.*prompt \d sample 1/);
    expect(error.details.samples).toEqual([{ promptIndex: expect.any(Number), sampleIndex: 1 }]);
  });

  it('or leaves the sample out, counted, if asked', async () => {
    const events = await collect({ policy: nanAt(5), onNonFinite: 'skip' });
    const [skipped] = ofType(events, 'samples-skipped');
    expect(skipped?.samples).toEqual([{ promptIndex: expect.any(Number), sampleIndex: 1 }]);
    expect(ofType(events, 'step-end')[0]?.metrics['samples/skipped']).toBe(1);
    expect(ofType(events, 'update-end')).toHaveLength(3);
  });

  it('stops at a gradient that is not finite before it reaches the parameters', async () => {
    const table: number[] = [];
    const policy = policyWith((inner) => {
      table.push(...inner.parameters().table!);
      return { backward: () => ({ table: new Float32Array(24).fill(Number.POSITIVE_INFINITY) }) };
    });
    const error = await failure({ policy, microBatchSize: 1 });
    expect(error.message).toMatch(/^The gradient of prompt \d sample \d is not finite/);
    expect(tableOf(policy)).toEqual(table);
    const events = await collect({ policy, onNonFinite: 'skip' });
    expect(ofType(events, 'update-skipped').map(({ reason }) => reason)).toEqual(
      Array.from({ length: 3 }, () => 'non-finite'),
    );
    expect(tableOf(policy)).toEqual(table);
  });

  it('never turns a reward that failed into a number', async () => {
    const broken = { broken: () => Promise.reject(new Error('judge is down')) };
    const error = await failure({ rewards: broken });
    expect(error.code).toBe('invalid-reward');
    expect(error.cause).toEqual(new Error('judge is down'));
    const events = await collect({ rewards: broken, onRewardError: 'unscorable' });
    const [step] = ofType(events, 'step-end');
    expect(step?.metrics).toMatchObject({ reward: null, unscorable: 12, 'rewards/failures': 1 });
  });

  it.each([
    ['a reward that is not finite', { rewards: { nan: () => Array(12).fill(Number.NaN) } }, /nan/],
    ['too few rewards', { rewards: { few: () => [1] } }, /returned 1 rewards for 12 samples/],
    ['no rewards', { rewards: {} }, /`rewards` is empty/],
    ['no prompts', { prompts: [] }, /`prompts` is empty/],
    ['a wrong count', { steps: 0 }, /`steps` must be an integer of at least 1, got 0/],
    ['an unknown loss', { loss: { lossType: 'dapoo' } }, /Unknown loss "dapoo". Known: grpo, bnpo/],
    ['a group of one', { samplesPerPrompt: 1 }, /at least 2, got 1/],
    ['a KL term without reference', { loss: { beta: 1 } }, /`reference` is missing/],
    ['a weight without reward', { rewardWeights: { shares: 1 } }, /names no reward: "shares"/],
    ['dynamic sampling on nothing', { dynamicSampling: { on: 'x' } }, /names no reward: "x"/],
  ] satisfies [string, Partial<Options>, RegExp][])('refuses %s', async (_, wrong, message) => {
    expect((await failure(wrong)).message).toMatch(message);
  });

  it('refuses a policy that answers in the wrong shape', async () => {
    const short = policyWith(() => ({
      logprobs: (sequences) => sequences.map(() => ({ logprobs: [-1] })),
    }));
    expect((await failure({ policy: short })).message).toMatch(/1 log-probabilities.*expected 2/);
    const few = policyWith(() => ({ sample: () => [] }));
    expect((await failure({ policy: few })).message).toMatch(/0 groups for 3 prompts/);
    const critic = policyWith(() => ({}));
    const { values: _, ...noCritic } = critic;
    const missing = await failure({ policy: noCritic, advantage: 'gae' });
    expect(missing.message).toMatch(/needs a critic/);
  });

  it('stops at its signal', async () => {
    const controller = new AbortController();
    const run = train(options({ signal: controller.signal }));
    const seen: string[] = [];
    const consume = async (): Promise<void> => {
      for await (const event of run) {
        seen.push(event.type);
        if (event.type === 'step-end') controller.abort(new Error('enough'));
      }
    };
    await expect(consume()).rejects.toMatchObject({ code: 'aborted', cause: new Error('enough') });
    expect(seen.filter((type) => type === 'step-end')).toHaveLength(1);
  });

  it('masks completions that were cut, if asked', async () => {
    const cut = policyWith((policy) => ({
      sample: async (prompts, given) =>
        (await policy.sample(prompts, given)).map((group) =>
          group.map((sample) => ({ ...sample, isTruncated: true })),
        ),
    }));
    const before = tableOf(cut);
    const events = await collect({ policy: cut, maskTruncated: true });
    expect(ofType(events, 'update-skipped')).toHaveLength(3);
    expect(ofType(events, 'step-end')[0]?.metrics['completions/clipped_ratio']).toBe(1);
    expect(tableOf(cut)).toEqual(before);
    expect(LENGTH).toBe(2);
  });
});
