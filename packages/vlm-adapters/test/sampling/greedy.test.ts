import { createSession } from '@iapo/onnx-autograd';
import { expect, it } from 'vitest';
import { decode } from '../../src/sampling/decode.js';
import { describeDecoder } from '../../src/sampling/decoder-description.js';
import { samplingSettings } from '../../src/sampling/sampling-settings.js';
import {
  type FixtureCase,
  familyCase,
  fixtureEmbedding,
  fixtureModel,
  fixtureSizes,
  qwenCase,
  streams,
} from './fixture-decoder.js';

const styles = ['onnx', 'onnx_external', 'onnx_if', 'onnx_dynamo', 'onnx_genai', 'onnx_genai_0_11'];

/** Tolerances of the READMEs: 1e-4 and, for Qwen2.5-VL, 2e-4; halves 0.1. */
const cases: [test: FixtureCase, tolerance: number][] = [
  ...styles.flatMap((style): [FixtureCase, number][] =>
    ['tools_image', 'two_images', 'text_only'].map((prompt) => [
      qwenCase(`${style}/decoder_model_merged.onnx`, prompt),
      2e-4,
    ]),
  ),
  [qwenCase('onnx/decoder_model_merged_fp16.onnx', 'tools_image'), 0.1],
  [familyCase('qwen2_vl', 'decoder_model_merged.onnx'), 1e-4],
  [familyCase('qwen3_vl', 'decoder_model_merged.onnx'), 1e-4],
  [familyCase('qwen3_vl', 'decoder_model_merged_deepstack.onnx', 'deepstack'), 1e-4],
  [familyCase('smolvlm', 'decoder_model_merged.onnx'), 1e-4],
  [familyCase('smolvlm', 'decoder_model_merged_q4.onnx', 'q4'), 1e-4],
  [familyCase('gemma3', 'decoder_model_merged.onnx'), 1e-4],
  [familyCase('gemma3', 'decoder_model_merged_softcap.onnx', 'softcap'), 1e-4],
];

it.each(
  cases.map(([test, tolerance]) => ({
    ...test,
    tokens: test.prompt.inputsEmbeds.length / 64,
    test,
    tolerance,
  })),
)(
  '$family/$file, $tokens tokens: greedy tokens and log-probabilities are the references',
  async ({ test, tolerance }) => {
    const model = fixtureModel(test);
    const session = await createSession(model);
    const table = await fixtureEmbedding(test.family);
    try {
      const description = describeDecoder(model, fixtureSizes);
      const [rows] = await decode(session, description, [{ ...test.prompt, streams: streams(3) }], {
        settings: samplingSettings({ temperature: 0 }),
        maxNewTokens: test.greedyIds.length,
        embed: table.embed,
      });
      expect(rows).toHaveLength(3);
      for (const row of rows ?? []) {
        expect(row.tokenIds).toEqual(test.greedyIds);
        expect(row.finishReason).toBe('length');
        for (const [index, expected] of test.greedyLogprobs.entries())
          expect(Math.abs((row.modelLogprobs[index] ?? Number.NaN) - expected)).toBeLessThan(
            tolerance,
          );
      }
    } finally {
      await session.dispose();
      await table.session.dispose();
    }
  },
);
