import type { EncodedPrompt, Message, OnnxVlm, ToolDefinition } from '@iapo/vlm-adapters';
import { createRaster, hashPixels } from '@iapo/vqa-tools';
import { afterAll, describe, expect, test } from 'vitest';
import type { EpisodeReward } from '../../src/rewards/episode-reward.js';
import { resolveTrainIapoOptions } from '../../src/train/options.js';
import { trainIapo } from '../../src/train/train-iapo.js';
import { computeUpdate, type TrainingRow } from '../../src/train/update.js';
import { everythingIsACall } from './everything-is-a-call.js';
import {
  familyFolder,
  loadFixture,
  pick,
  readArrays,
  readReferences,
  withImages,
} from './fixture-models.js';

const loaded: OnnxVlm[] = [];
afterAll(async () => {
  for (const model of loaded) await model.dispose();
});

const family = 'qwen2_5_vl';
const references = readReferences(family);
const arrays = readArrays(family);

describe('one update of the loop on a given batch', () => {
  test.each(['grpo', 'dr_grpo'] as const)(
    '%s: loss, cotangents and adapter gradients equal PyTorch, PEFT and TRL',
    async (lossType) => {
      const grpo = pick<object>(references, 'grpo');
      const student = await loadFixture(family, { adapter: `${familyFolder(family)}adapter` });
      loaded.push(student);
      const { messages, tools, images } = pick<{
        messages: Message[];
        tools: ToolDefinition[] | null;
        images: string[];
      }>(references, 'prompts', pick<string>(grpo, 'prompt'));
      const paths = images.map(
        (image) => familyFolder(family) + pick<string>(references, 'images', image, 'file'),
      );
      const prompt = await student.encode(withImages(messages, paths), { tools: tools ?? [] });
      const completions = pick<string[]>(grpo, 'completions').map((name) =>
        pick<number[]>(references, 'completions', name, 'ids'),
      );
      const sequences = completions.map((completion) => ({ prompt, completion }));
      const scores = await student.logprobs(sequences);
      const expected = pick<object>(grpo, 'losses', lossType);
      const settings = resolveTrainIapoOptions<EncodedPrompt, EncodedPrompt>({
        student,
        tasks: [{ id: 'x', messages: [], answers: '' }],
        steps: 1,
        reference: student,
        loss: {
          lossType,
          epsilonLow: pick<number>(grpo, 'clip'),
          epsilonHigh: pick<number>(grpo, 'clip'),
          beta: pick<number>(grpo, 'beta'),
          maxCompletionLength: pick<number>(grpo, 'max_completion_length'),
        },
      });
      const rows = sequences.map((sequence, index): TrainingRow<EncodedPrompt> => {
        const completion = completions[index] ?? [];
        return {
          // What the update reads of an episode is its sequence and the number of its tokens.
          episode: {
            task: { id: `${index}`, messages: [], answers: '' },
            sequence,
            trajectory: { counts: { modelTokens: completion.length } },
          } as unknown as TrainingRow<EncodedPrompt>['episode'],
          sequence,
          mask: new Uint8Array(completion.length).fill(1),
          samplingLogprobs: [...(scores[index]?.logprobs ?? [])],
          old: { logprobs: pick<number[]>(grpo, 'old_logprobs', index) },
          reference: pick<number[]>(grpo, 'reference_logprobs', index),
          maskedImage: null,
        };
      });
      const { loss, gradients } = await computeUpdate(settings, rows, {
        advantages: pick<number[]>(grpo, 'advantages'),
        update: 1,
        isOnPolicy: false,
      });
      expect(Math.abs(loss.loss - pick<number>(expected, 'loss'))).toBeLessThan(1e-5);
      const cotangents = pick<number[][]>(expected, 'cotangents');
      for (const [row, values] of loss.cotangents.entries()) {
        for (const [t, value] of values.entries()) {
          expect(Math.abs(value - (cotangents[row]?.[t] ?? Number.NaN))).toBeLessThan(1e-5);
        }
      }
      const norms = pick<Record<string, number>>(expected, 'gradient_norms');
      expect(Object.keys(gradients ?? {}).sort()).toEqual(Object.keys(norms).sort());
      let compared = 0;
      for (const [name, values] of Object.entries(gradients ?? {})) {
        const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
        expect(Math.abs(norm - (norms[name] ?? Number.NaN))).toBeLessThan(1e-4);
        // Whole gradients are kept for some of the matrices.
        if (!arrays.has(`grpo/${lossType}/grad/${name}`)) continue;
        const reference = arrays(`grpo/${lossType}/grad/${name}`);
        for (const [index, value] of values.entries()) {
          expect(Math.abs(value - (reference[index] ?? Number.NaN))).toBeLessThan(1e-4);
          compared += 1;
        }
      }
      expect(compared).toBeGreaterThan(300);
    },
  );
});

describe('the whole loop on real architectures', () => {
  const picture = createRaster(112, 84, { color: [200, 40, 40] });
  const tasks = ['What color is it?', 'How many bars are there?'].map((question, index) => ({
    id: `task-${index}`,
    question,
    answers: 'red',
    toolNames: ['flip'],
    messages: [
      {
        role: 'user' as const,
        content: [
          { type: 'image' as const, image: picture },
          { type: 'text' as const, text: question },
        ],
      },
    ],
  }));

  const parity: EpisodeReward = {
    name: 'parity',
    values: (inputs) => inputs.map(({ episode }) => (episode.firstTurn.tokenIds[0] ?? 0) % 2),
  };

  test.each([
    ['of the same family', family],
    ['of another family', 'smolvlm'],
  ])('student Qwen2.5-VL with LoRA, teacher %s', async (_, teacherFamily) => {
    expect(hashPixels(picture)).toHaveLength(64);
    const student = await loadFixture(family, {
      lora: { r: 2, alpha: 4, targetModules: 'all-linear', seed: 1 },
    });
    const teacher = await loadFixture(teacherFamily);
    loaded.push(student, teacher);
    const before = Object.values(student.parameters()).map((values) => Float32Array.from(values));
    const steps = [];
    const failures: string[] = [];
    for await (const event of trainIapo({
      student,
      teacher,
      tasks,
      steps: 2,
      promptsPerStep: 1,
      samplesPerPrompt: 4,
      learningRate: 1e-3,
      // Random weights are never right; something must tell rollouts apart.
      rewards: [{ weight: 1, reward: parity }],
      episode: { dialect: everythingIsACall, maxTokensPerTurn: 6, maxTurns: 2 },
      explain: { attribution: { steps: 8, maximumSteps: 8 }, requireConvergence: false },
    })) {
      if (event.type === 'step-end') steps.push(event);
      if (event.type === 'explanations-end') failures.push(...event.failures.map((f) => f.reason));
    }
    expect(steps).toHaveLength(2);
    for (const { metrics } of steps) {
      expect(metrics['tools/call_rate']).toBe(1);
      expect(metrics.entropy).toBeGreaterThan(0);
      expect(Number.isFinite(metrics.loss ?? 0)).toBe(true);
    }
    // Random bytes may not be text that another vocabulary can spell: counted, not turned into a number.
    const explained = steps.map(({ metrics }) => metrics['penalty/explained'] ?? 0);
    if (teacherFamily === family) expect(Math.max(...explained)).toBeGreaterThan(0);
    else expect(Math.max(...explained) > 0 || failures.length > 0).toBe(true);
    const after = Object.values(student.parameters());
    const hasMoved = after.some((values, at) =>
      values.some((value, i) => value !== before[at]?.[i]),
    );
    expect(hasMoved).toBe(true);
  });
});
