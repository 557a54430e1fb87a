import { describe, expect, it } from 'vitest';
import {
  type AdvantageEstimatorName,
  type AdvantageInput,
  type AdvantageResult,
  advantageEstimators,
} from '../src/index.js';
import { expectAllClose, expectRowsClose } from './close.js';
import { type AdvantageCase, cases } from './policy-cases.js';

const tolerance = { atol: 1e-9 };

function expectCase(
  result: AdvantageResult,
  expected: AdvantageCase['expected'],
  names: readonly string[] = Object.keys(expected.metrics),
): void {
  expect(result.level).toBe('sequence');
  expectAllClose(result.advantages as Float64Array, expected.advantages, tolerance);
  for (const name of names) {
    expectAllClose([result.metrics[name] ?? null], [expected.metrics[name]!], {
      ...tolerance,
      what: name,
    });
  }
}

describe('TRL reference advantages', () => {
  it.each(cases.advantages)('$id', ({ input, expected }) => {
    const name =
      input.aggregation === 'normalize_then_sum' ? 'gdpo' : (input.scale_rewards ?? 'group');
    const result = advantageEstimators[name].estimate({
      rewards: input.rewards_per_func,
      groupSize: input.num_generations,
      ...(input.weights === undefined ? {} : { weights: input.weights }),
    });
    expectCase(result, expected);
  });

  it('agree on rewards shaped by an attribution penalty', () => {
    const shaped = cases.attribution_shaped_reward;
    const groups = { groupSize: 4 };
    expectCase(
      advantageEstimators.group.estimate({ rewards: shaped.rewards, ...groups }),
      shaped.advantages_sum_then_normalize,
    );
    const two = shaped.outcome.map((r, i) => [r, -shaped.kl_student_teacher[i]!]);
    expectCase(
      advantageEstimators.gdpo.estimate({ rewards: two, weights: [1, shaped.lambda], ...groups }),
      shaped.advantages_two_funcs_gdpo,
    );
    const { rewards, group, none } = shaped.all_correct_group;
    const estimate = (name: 'group' | 'none'): ArrayLike<number> =>
      advantageEstimators[name].estimate({ rewards, ...groups }).advantages as Float64Array;
    expectAllClose(estimate('group'), group, tolerance);
    expectAllClose(estimate('none'), none, tolerance);
  });
});

const verlNames: Readonly<Record<string, AdvantageEstimatorName>> = { gdpo: 'verl_gdpo' };

describe('verl reference advantages', () => {
  it.each(cases.verl.advantages)('$name $args', ({ name, args, scores, index, expected }) => {
    const { mask } = cases.verl.loss_inputs;
    const keys = args.keys as readonly (readonly number[])[] | undefined;
    const input: AdvantageInput = {
      rewards: keys === undefined ? scores : scores.map((_, i) => keys.map((key) => key[i]!)),
      groups: index,
      mask,
      ...(args.key_weights === undefined ? {} : { weights: args.key_weights as number[] }),
      ...(args.baselines === undefined ? {} : { greedyRewards: args.baselines as number[] }),
    };
    const unscaled = name === 'grpo' && args.norm_by_std === false;
    const estimator =
      advantageEstimators[
        unscaled ? 'dr_grpo' : (verlNames[name] ?? (name as AdvantageEstimatorName))
      ];
    const result = estimator.estimate(input, {
      ...(args.gamma === undefined ? {} : { gamma: args.gamma as number }),
    });
    const rows =
      result.level === 'token'
        ? result.advantages
        : mask.map((row, i) => Float64Array.from(row, (m) => m * result.advantages[i]!));
    expectRowsClose(rows, expected, tolerance);
  });
});
