import { AdamW, globalNorm, gradientClipFactor, policyLoss } from '@iapo/rl-core';
import { afterAll, describe, expect, it } from 'vitest';
import { OnnxVlm } from '../../src/onnx-vlm.js';
import type { Sequence } from '../../src/types/prompt.js';
import { familyFolder, readArrays, readReferences, withImages } from '../encode/support.js';

// Training steps of Python (PEFT's model, torch.optim.AdamW, TRL's formulas) by this model and rl-core.
const family = 'qwen2_5_vl';
const folder = familyFolder(family);
const references = readReferences(family);
const arrays = readArrays(family);

const loaded: OnnxVlm[] = [];
async function load(): Promise<OnnxVlm> {
  const model = await OnnxVlm.load(folder, { worker: false, adapter: `${folder}adapter` });
  loaded.push(model);
  return model;
}
afterAll(async () => {
  for (const model of loaded) await model.dispose();
});

async function sequencesOf(model: OnnxVlm, names: readonly string[]): Promise<Sequence[]> {
  const { messages, tools, images } = references.prompts.tools_image;
  const paths = images.map((image: string) => folder + references.images[image].file);
  const prompt = await model.encode(withImages(messages, paths), { tools });
  return names.map((name) => ({ prompt, completion: references.completions[name].ids }));
}

function worst(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let largest = 0;
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs((actual[index] ?? Number.NaN) - (expected[index] ?? 0));
    largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(largest, difference);
  }
  return largest;
}

describe('ten steps of AdamW', () => {
  it.each(['plain', 'clip_0.1'])('%s: losses, norms and matrices as in PyTorch', async (name) => {
    const { lr, betas, eps, weight_decay: weightDecay, tokens, runs } = references.adamw;
    const run = runs[name];
    const model = await load();
    const sequences = await sequencesOf(model, references.lora.completions);
    const weights: Float32Array[] = references.cotangents.lora.map((row: number[]) =>
      Float32Array.from(row),
    );
    // L = −Σ c_t log p_t / tokens.
    const cotangents = weights.map((row) => row.map((value) => -value / tokens));
    const optimizer = new AdamW({ betas, epsilon: eps, weightDecay });
    const parameters = model.parameters();
    for (let step = 0; step < 10; step++) {
      const { logprobs, gradients } = await model.backward(sequences, cotangents, {
        wrt: 'adapter',
      });
      const loss = logprobs.reduce(
        (sum, row, index) =>
          sum +
          row.reduce((own, value, place) => own + value * (cotangents[index]?.[place] ?? 0), 0),
        0,
      );
      expect(Math.abs(loss - run.losses_before_each_step[step])).toBeLessThan(1e-4);
      const norm = globalNorm(gradients);
      const expectedNorm = run.gradient_norms_before_clipping[step];
      expect(Math.abs(norm - expectedNorm)).toBeLessThan(1e-3 * expectedNorm);
      const factor = run.max_grad_norm === null ? 1 : gradientClipFactor(norm, run.max_grad_norm);
      optimizer.step(parameters, gradients, { learningRate: lr, gradientScale: factor });
      if (step !== 0 && step !== 9) continue;
      for (const [key, values] of Object.entries(parameters))
        expect(worst(values, arrays(`adamw/${name}/after_${step + 1}/${key}`))).toBeLessThan(5e-4);
    }
  });
});

describe('a step of GRPO', () => {
  it.each(['grpo', 'dr_grpo'])('%s: loss, cotangents and gradients as in TRL', async (lossType) => {
    const {
      completions,
      advantages,
      clip,
      beta,
      max_completion_length: maxCompletionLength,
    } = references.grpo;
    const expected = references.grpo.losses[lossType];
    const model = await load();
    const sequences = await sequencesOf(model, completions);
    const scores = await model.logprobs(sequences);
    const width = Math.max(...sequences.map(({ completion }) => completion.length));
    const padded = (rows: readonly ArrayLike<number>[]): Float64Array[] =>
      rows.map((row) => {
        const result = new Float64Array(width);
        result.set(Array.from(row));
        return result;
      });
    const result = policyLoss(
      {
        logprobs: padded(scores.map(({ logprobs }) => logprobs)),
        oldLogprobs: padded(references.grpo.old_logprobs),
        referenceLogprobs: padded(references.grpo.reference_logprobs),
        completionMask: padded(
          sequences.map(({ completion }) => new Array(completion.length).fill(1)),
        ),
        advantages,
      },
      { lossType, epsilonLow: clip, epsilonHigh: clip, beta, maxCompletionLength },
    );
    expect(Math.abs(result.loss - expected.loss)).toBeLessThan(1e-5);
    const cotangents = sequences.map(({ completion }, index) =>
      Float32Array.from(result.cotangents[index]?.slice(0, completion.length) ?? []),
    );
    for (const [index, row] of cotangents.entries())
      expect(worst(row, expected.cotangents[index])).toBeLessThan(1e-5);
    const { gradients } = await model.backward(sequences, cotangents, { wrt: 'adapter' });
    const last = 'base_model.model.model.language_model.layers.1.self_attn.v_proj';
    for (const matrix of ['A', 'B']) {
      const key = `${last}.lora_${matrix}.weight`;
      const gradient = gradients[key] ?? new Float32Array(0);
      expect(worst(gradient, arrays(`grpo/${lossType}/grad/${key}`))).toBeLessThan(1e-4);
    }
  });
});
