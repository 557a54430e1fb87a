import { readFileSync } from 'node:fs';
import type { PolicyLossOptions } from '../src/index.js';

/** Reading the reference cases: they use TRL's snake case and `null` for NaN. */

export type Numbers = readonly number[];
export type NumberRows = readonly Numbers[];

export interface LossCase {
  readonly id: string;
  readonly input: {
    readonly config: Readonly<Record<string, unknown>>;
    readonly rows?: Numbers;
    readonly num_items_in_batch?: number;
    readonly old_logps: 'base' | null;
    readonly advantages?: Numbers | NumberRows;
    readonly completion_mask?: NumberRows;
    readonly tool_mask?: NumberRows | null;
  };
  readonly expected: {
    readonly loss: number;
    readonly policy_loss: number;
    readonly normalizer: number;
    readonly per_token_loss: NumberRows;
    readonly coef_1: NumberRows;
    readonly grad_logps: NumberRows;
    readonly metrics: Readonly<Record<string, number | null>>;
    readonly per_token_kl?: NumberRows;
    readonly importance_sampling_ratio?: NumberRows;
    readonly off_policy_mask?: NumberRows;
    readonly entropy_mask?: NumberRows;
    readonly entropy_threshold?: number;
  };
}

export interface AdvantageCase {
  readonly id: string;
  readonly input: {
    readonly rewards_per_func: readonly (readonly (number | null)[])[];
    readonly num_generations: number;
    readonly weights?: Numbers;
    readonly scale_rewards?: 'group' | 'batch' | 'none';
    readonly aggregation?: 'sum_then_normalize' | 'normalize_then_sum';
  };
  readonly expected: {
    readonly advantages: Numbers;
    readonly metrics: Readonly<Record<string, number | null>>;
  };
}

export interface VerlAdvantageCase {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly scores: Numbers;
  readonly index: readonly string[];
  readonly expected: NumberRows;
}

interface GradientCase {
  readonly expected: { readonly loss: number; readonly grad_logps: NumberRows };
}

export interface PolicyCases {
  readonly meta: { readonly defaults: Readonly<Record<string, unknown>> };
  readonly base: {
    readonly completion_mask: NumberRows;
    readonly tool_mask: NumberRows;
    readonly logps: NumberRows;
    readonly old_logps: NumberRows;
    readonly ref_logps: NumberRows;
    readonly sampling_logps: NumberRows;
    readonly masked_image_logps: NumberRows;
    readonly entropies: NumberRows;
    readonly advantages: Numbers;
    readonly mask: NumberRows;
    readonly num_items_in_batch: number;
  };
  readonly advantages: readonly AdvantageCase[];
  readonly losses: readonly LossCase[];
  readonly attribution_shaped_reward: {
    readonly outcome: Numbers;
    readonly lambda: number;
    readonly kl_student_teacher: Numbers;
    readonly rewards: Numbers;
    readonly advantages_sum_then_normalize: AdvantageCase['expected'];
    readonly advantages_two_funcs_gdpo: AdvantageCase['expected'];
    readonly all_correct_group: {
      readonly rewards: Numbers;
      readonly group: Numbers;
      readonly none: Numbers;
    };
  };
  readonly verl: {
    readonly advantages: readonly VerlAdvantageCase[];
    readonly losses: readonly (GradientCase & {
      readonly name: string;
      readonly args: Readonly<Record<string, number>>;
    })[];
    readonly loss_inputs: { readonly advantages: NumberRows; readonly mask: NumberRows };
    readonly kl_estimators: readonly {
      readonly logp: number;
      readonly ref_logp: number;
      readonly expected: Readonly<Record<string, { value: number; grad: number }>>;
    }[];
  };
  readonly easyr1: {
    readonly losses: readonly (GradientCase & {
      readonly loss_type: string;
      readonly loss_avg_mode: 'token' | 'seq';
    })[];
  };
  readonly papo: {
    readonly cases: readonly (GradientCase & {
      readonly args: { readonly prcp_coef: number; readonly ent_coef?: number };
      readonly expected: { readonly kl_prcp: number };
    })[];
  };
}

// The fixture is checked data of a known layout.
export const cases = JSON.parse(
  readFileSync(new URL('./fixtures/policy-cases.json', import.meta.url), 'utf8'),
) as PolicyCases;

const camelCase = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** TRL's configuration as options of `policyLoss`. */
export function optionsOf(config: Readonly<Record<string, unknown>>): PolicyLossOptions {
  const merged: Record<string, unknown> = { ...cases.meta.defaults, ...config };
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(merged)) {
    if (!name.includes('vllm')) options[camelCase(name)] = value;
  }
  if (merged.use_vllm === true) {
    options.engineCorrection = {
      mode: merged.vllm_importance_sampling_mode,
      clipMin: merged.vllm_importance_sampling_clip_min,
      clipMax: merged.vllm_importance_sampling_clip_max,
    };
  }
  // Every key is one of `PolicyLossOptions` after the renaming above.
  return options as PolicyLossOptions;
}
