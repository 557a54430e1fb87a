import { describe, expect, it } from 'vitest';
import { type PolicyLossOptions, policyLoss } from '../src/index.js';
import { expectAllClose, expectRowsClose } from './close.js';
import { cases, type LossCase, optionsOf } from './policy-cases.js';

const tolerance = { atol: 1e-9 };
const { base } = cases;

function run(input: LossCase['input'], details = true): ReturnType<typeof policyLoss> {
  const rows = input.rows ?? base.logps.map((_, i) => i);
  const pick = <T>(values: readonly T[]): T[] => rows.map((i) => values[i]!);
  const toolMask = input.tool_mask === undefined ? base.tool_mask : input.tool_mask;
  const config = input.config;
  return policyLoss(
    {
      logprobs: pick(base.logps),
      // One number a row or one a token; either list is picked by row.
      advantages: pick<number | readonly number[]>(input.advantages ?? base.advantages) as number[],
      completionMask: pick(input.completion_mask ?? base.completion_mask),
      toolMask: toolMask === null ? null : pick(toolMask),
      oldLogprobs: input.old_logps === null ? null : pick(base.old_logps),
      referenceLogprobs: pick(base.ref_logps),
      samplingLogprobs: config.use_vllm === true ? pick(base.sampling_logps) : null,
      entropies: pick(base.entropies),
    },
    {
      ...optionsOf(config),
      details,
      ...(input.num_items_in_batch === undefined
        ? {}
        : { numItemsInBatch: input.num_items_in_batch }),
    },
  );
}

describe('TRL reference losses', () => {
  it.each(cases.losses)('$id', ({ input, expected }) => {
    const result = run(input);
    expectAllClose([result.loss], [expected.loss], { ...tolerance, what: 'loss' });
    expectAllClose([result.policyLoss], [expected.policy_loss], { ...tolerance, what: 'policy' });
    expectAllClose([result.normalizer], [expected.normalizer], { ...tolerance, what: 'divisor' });
    const details = result.details!;
    expectRowsClose(result.cotangents, expected.grad_logps, { ...tolerance, what: 'gradient' });
    expectRowsClose(details.perTokenLoss, expected.per_token_loss, { ...tolerance, what: 'token' });
    expectRowsClose(details.ratio, expected.coef_1, { ...tolerance, what: 'ratio' });
    const optional = [
      ['kl', details.perTokenKl, expected.per_token_kl],
      ['engine ratio', details.engineRatio, expected.importance_sampling_ratio],
      ['off-policy mask', details.offPolicyMask, expected.off_policy_mask],
      ['entropy mask', details.entropyMask, expected.entropy_mask],
    ] as const;
    for (const [what, actual, wanted] of optional) {
      if (wanted !== undefined) expectRowsClose(actual!, wanted, { ...tolerance, what });
    }
    if (expected.entropy_threshold !== undefined) {
      expectAllClose([details.entropyThreshold], [expected.entropy_threshold], tolerance);
    }
    const names = Object.keys(expected.metrics);
    expectAllClose(
      names.map((name) => result.metrics[name] ?? null),
      names.map((name) => expected.metrics[name]!),
      { ...tolerance, what: names.join(' ') },
    );
  });

  it.each(cases.losses)('$id without details gives the same loss and cotangents', ({ input }) => {
    const plain = run(input, false);
    const full = run(input);
    // Summed in another order, so equal up to rounding.
    expectAllClose([plain.loss], [full.loss], { atol: 1e-15, rtol: 1e-14 });
    expectRowsClose(plain.cotangents, full.cotangents, { atol: 1e-15, rtol: 1e-14 });
    expect(plain.details).toBeNull();
  });
});

const verlLosses: Readonly<Record<string, PolicyLossOptions>> = {
  gspo: {
    lossType: 'gspo_token',
    aggregation: 'seq-mean-token-mean',
    logRatioBounds: [Number.NEGATIVE_INFINITY, 10],
  },
  cispo: { lossType: 'cispo_two_sided' },
  gpg: { lossType: 'gpg' },
  dro: { lossType: 'dro' },
  dppo_tv: { lossType: 'dppo_tv' },
};

describe('verl reference losses', () => {
  it.each(cases.verl.losses)('$name $args', ({ name, args, expected }) => {
    const result = policyLoss(
      {
        logprobs: base.logps,
        oldLogprobs: base.old_logps,
        advantages: cases.verl.loss_inputs.advantages,
        completionMask: cases.verl.loss_inputs.mask,
      },
      {
        ...verlLosses[name],
        epsilonLow: args.low ?? 0.2,
        epsilonHigh: args.high ?? 0.2,
        ...(args.c === undefined ? {} : { clipRatioC: args.c }),
        ...(args.dro_beta === undefined ? {} : { droBeta: args.dro_beta }),
      },
    );
    expectAllClose([result.loss], [expected.loss], tolerance);
    expectRowsClose(result.cotangents, expected.grad_logps, tolerance);
  });
});

const easyR1Losses: Readonly<Record<string, PolicyLossOptions>> = {
  default: { lossType: 'dual_clip' },
  gspo: { lossType: 'gspo' },
  gspo_token: { lossType: 'gspo_token' },
  cispo: { lossType: 'cispo_two_sided' },
  sapo: { lossType: 'sapo' },
};

describe('EasyR1 reference losses', () => {
  it.each(cases.easyr1.losses)('$loss_type $loss_avg_mode', (reference) => {
    const result = policyLoss(
      {
        logprobs: base.logps,
        oldLogprobs: base.old_logps,
        advantages: cases.verl.loss_inputs.advantages,
        completionMask: cases.verl.loss_inputs.mask,
      },
      {
        ...easyR1Losses[reference.loss_type],
        aggregation: reference.loss_avg_mode === 'token' ? 'token-mean' : 'seq-mean-token-mean',
        epsilonLow: 0.2,
        epsilonHigh: 0.3,
      },
    );
    expectAllClose([result.loss], [reference.expected.loss], tolerance);
    expectRowsClose(result.cotangents, reference.expected.grad_logps, tolerance);
  });
});

describe('PAPO reference losses', () => {
  it.each(cases.papo.cases)('$args', ({ args, expected }) => {
    const result = policyLoss(
      {
        logprobs: base.logps,
        oldLogprobs: base.old_logps,
        maskedImageLogprobs: base.masked_image_logps,
        advantages: cases.verl.loss_inputs.advantages,
        completionMask: cases.verl.loss_inputs.mask,
      },
      {
        lossType: 'dual_clip',
        epsilonHigh: 0.3,
        perceptionCoef: args.prcp_coef,
        perceptionEntropyCoef: args.ent_coef ?? 0,
      },
    );
    expectAllClose([result.loss], [expected.loss], tolerance);
    expectAllClose([result.metrics.kl_prcp ?? null], [expected.kl_prcp], tolerance);
    expectRowsClose(result.cotangents, expected.grad_logps, tolerance);
  });
});
