import { describe, expect, test } from 'vitest';
import { attribute } from '../../src/attribute.js';
import { customBaseline } from '../../src/baselines/custom.js';
import { faithfulness } from '../../src/faithfulness/index.js';
import type { AttributeOptions } from '../../src/options.js';
import { prepareCoalitions } from '../../src/prepare-coalitions.js';
import { expectClose } from '../close.js';
import { type ClassifierWeights, classifierModel } from '../models/classifier-model.js';
import { cases, get, has, quadratureNames } from './cases.js';
import { checkFaithfulness } from './check-faithfulness.js';

const caseA = get<Record<string, unknown>>(cases, 'A_attention_mlp_classifier');
const prompt = get<number[][]>(caseA, 'x');
const blocks = ['P', 'R', 'I', 'T'];
const input = { prompt, completion: [get<number>(caseA, 'target')], blocks };
const customRows = get<number[][]>(caseA, 'baseline_custom').flat();
const baselines = { zero: 'zero', custom: customBaseline(customRows) } as const;

describe.each((['tanh', 'relu'] as const).filter((name) => has(caseA, name)))(
  'attention classifier, %s',
  (activation) => {
    const expected = get<Record<string, unknown>>(caseA, activation);
    const model = classifierModel(get<ClassifierWeights>(caseA, 'weights'), activation);

    const dimensions = async (options: AttributeOptions): Promise<number[]> => {
      const result = await attribute(model, input, {
        baseline: 'zero',
        keepDimensions: true,
        ...options,
      });
      return [...(result.dimensions ?? [])];
    };
    const players = async (options: AttributeOptions): Promise<number[]> => {
      const result = await attribute(model, input, { baseline: 'zero', ...options });
      return result.players?.map(({ score }) => score) ?? [];
    };
    const check = (actual: unknown, ...path: string[]): void =>
      expectClose(actual, get(expected, ...path), path.join('.'));

    test('the hand-written model has the reference values and gradient', async () => {
      check(await dimensions({ method: 'saliency', absolute: false }), 'gradient');
      check(await dimensions({ method: 'saliency' }), 'saliency_abs');
      check(await dimensions({ method: 'inputXGradient' }), 'input_x_gradient');
    });

    test('integrated gradients: every quadrature, number of steps and baseline, with delta', async () => {
      for (const [baseline, rules] of Object.entries(
        get<Record<string, Record<string, unknown>>>(expected, 'ig'),
      )) {
        for (const [rule, sizes] of Object.entries(rules)) {
          for (const steps of Object.keys(sizes as object)) {
            const result = await attribute(model, input, {
              baseline: get(baselines, baseline),
              quadrature: get(quadratureNames, rule),
              steps: Number(steps),
              keepDimensions: true,
            });
            const wanted = get<Record<string, unknown>>(sizes, steps);
            const where = `ig.${baseline}.${rule}.${steps}`;
            if (has(wanted, 'attributions'))
              expectClose(result.dimensions, wanted.attributions, where);
            expectClose(result.tokens.scores, wanted.token_sum, where);
            expectClose(result.completeness?.delta, wanted.delta, where);
          }
        }
      }
    });

    test('integrated gradients not multiplied by the input', async () => {
      check(
        await dimensions({ steps: 50, multiplyByInputs: false }),
        'ig_no_multiply_zero_gausslegendre_50',
      );
    });

    test('coalition values and the methods on them', async () => {
      const values = get<Record<string, number>>(expected, 'groups', 'coalition_values');
      const coalitions = await prepareCoalitions(model, input, { baseline: 'zero' });
      const masks = Object.keys(values).map((key) => Uint8Array.from(key, Number));
      expectClose(await coalitions.values(masks), Object.values(values), 'coalition_values');
      check(await players({ method: 'shapley', coalitions }), 'groups', 'shapley');
      check(await players({ method: 'banzhaf', coalitions }), 'groups', 'banzhaf');
      check(await players({ method: 'leaveOneOut', coalitions }), 'groups', 'feature_ablation');
      check(await players({ method: 'inclusion', coalitions }), 'groups', 'inclusion');
      check(await players({ method: 'occlusion', coalitions }), 'occlusion_window_1token');
      check(
        await players({ method: 'kernelShap', coalitions }),
        'groups',
        'kernel_shap_full_enumeration',
      );
      const { permutations, shapley } = get<{ permutations: number[][]; shapley: number[] }>(
        expected,
        'groups',
        'permutation_sampling',
      );
      expectClose(
        await players({ method: 'shapleySampling', permutations, coalitions }),
        shapley,
        'permutation_sampling',
      );
      expect(coalitions.size).toBe(16);
    });

    test("Captum's KernelSHAP and LIME on its masks", async () => {
      const kernel = get<{ masks: number[][] }>(
        expected,
        'groups',
        'kernel_shap_captum_fixed_masks',
      );
      check(
        await players({ method: 'kernelShap', masks: kernel.masks, endpointWeight: 1e6 }),
        'groups',
        'kernel_shap_captum_fixed_masks',
        'coefficients',
      );
      const lime = get<{ masks: number[][]; alpha: number }>(
        expected,
        'groups',
        'lime_captum_fixed_masks',
      );
      check(
        await players({ method: 'lime', masks: lime.masks, penalty: lime.alpha }),
        'groups',
        'lime_captum_fixed_masks',
        'coefficients',
      );
    });

    test('noise tunnel and gradient SHAP with given draws', async () => {
      const noise = get<number[][][]>(expected, 'noise_tunnel', 'noise').map((tensor) =>
        tensor.flat(),
      );
      check(await dimensions({ method: 'smoothGrad', noise }), 'noise_tunnel', 'smoothgrad');
      check(
        await dimensions({ method: 'smoothGrad', noise, absolute: true }),
        'noise_tunnel',
        'smoothgrad_of_abs',
      );
      check(
        await dimensions({ method: 'smoothGradSquared', noise }),
        'noise_tunnel',
        'smoothgrad_sq',
      );
      check(await dimensions({ method: 'varGrad', noise }), 'noise_tunnel', 'vargrad');
      const alphas = get<number[]>(expected, 'gradient_shap', 'alphas');
      check(
        await dimensions({
          method: 'gradientShap',
          alphas,
          noise: noise.slice(0, alphas.length),
          baseline: baselines.custom,
        }),
        'gradient_shap',
        'attributions',
      );
    });

    test('guided integrated gradients', async () => {
      for (const key of Object.keys(get<object>(expected, 'guided_ig'))) {
        const [, steps, fraction, distance] =
          /^steps(\d+)_fraction([\d.]+)_maxdist([\d.]+)$/.exec(key) ?? [];
        check(
          await dimensions({
            method: 'guidedIntegratedGradients',
            steps: Number(steps),
            fraction: Number(fraction),
            maximumDistance: Number(distance),
          }),
          'guided_ig',
          key,
        );
      }
    });

    test('IDGI (the file counts path points, steps are the pieces between them)', async () => {
      for (const key of Object.keys(get<object>(expected, 'idgi'))) {
        check(await dimensions({ method: 'idgi', steps: Number(key) - 1 }), 'idgi', key);
      }
    });

    test('sequential integrated gradients per token', async () => {
      check(
        await dimensions({ method: 'sequentialIntegratedGradients', per: 'token', steps: 50 }),
        'sequential_ig_zero_gausslegendre_50',
      );
    });

    test('infidelity and sensitivity with given noise', async () => {
      const noise = get<number[][][]>(expected, 'noise_tunnel', 'noise').map((tensor) =>
        tensor.flat(),
      );
      const gradient = await dimensions({ method: 'saliency', absolute: false });
      check(
        await faithfulness.infidelity(model, input, { attributions: gradient, noise }),
        'infidelity_local',
        'input_x_gradient',
      );
      const local = await dimensions({ steps: 50, multiplyByInputs: false });
      check(
        await faithfulness.infidelity(model, input, { attributions: local, noise }),
        'infidelity_local',
        'ig_zero_gl50_no_multiply',
      );
      const sensitivity = await faithfulness.maximumSensitivity(model, input, {
        method: 'inputXGradient',
        noise,
      });
      check(sensitivity.values, 'sensitivity_input_x_gradient', 'values');
      check(sensitivity.maximum, 'sensitivity_input_x_gradient', 'max');
    });

    test.each([
      ['faithfulness_on_shapley_logp', 'shapley', 'logProbability'],
      ['faithfulness_on_shapley_prob', 'shapley', 'probability'],
      ['faithfulness_on_ig_logp', 'integratedGradients', 'logProbability'],
    ] as const)('%s', async (key, method, target) => {
      const result = await attribute(model, input, { baseline: 'zero', method, steps: 256 });
      const scores = result.blocks.map(({ score }) => score ?? Number.NaN);
      const coalitions = await prepareCoalitions(model, input, { baseline: 'zero', target });
      await checkFaithfulness(get(expected, key), coalitions, scores, key);
    });
  },
);
