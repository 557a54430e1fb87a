import { describe, expect, it } from 'vitest';
import { generateDecoder } from '../../src/generator/index.js';
import { differentiate } from '../../src/index.js';
import { floatData } from '../support/float-data.js';
import { compare } from '../support/reference-model.js';
import { decoderFeeds, runModel, smallShape } from './support/run-decoder.js';

describe('differentiate, on generated decoders', () => {
  it('is differentiable in both styles, with the same gradient', async () => {
    const gradients = [];
    for (const style of ['raw', 'group-query-attention'] as const) {
      const model = generateDecoder({ ...smallShape, style });
      const derived = differentiate(model, { outputs: ['logits'], wrt: ['inputs_embeds'] });
      const cotangent = Float32Array.from({ length: 7 * 50 }, (_, index) => Math.cos(index));
      const feeds = {
        ...decoderFeeds(model),
        'cotangent.logits': { type: 'float32', dims: [1, 7, 50], data: cotangent },
      };
      gradients.push(floatData((await runModel(derived, feeds))['gradient.inputs_embeds']));
    }
    const [raw, fused] = gradients as [Float32Array, Float32Array];
    const { worst, largest } = compare(fused, raw);
    expect(largest).toBeGreaterThan(0.1);
    expect(worst).toBeLessThan(1e-4 * largest);
  });

  it.each([2, 4, 5])(
    'has the same gradient when attention is computed in %i causal blocks',
    async (causalBlocks) => {
      const model = generateDecoder({ ...smallShape, style: 'group-query-attention' });
      const gradientWith = async (blocks: number): Promise<Float32Array> => {
        const options = { outputs: ['logits'], wrt: ['inputs_embeds'], causalBlocks: blocks };
        const cotangent = Float32Array.from({ length: 11 * 50 }, (_, index) => Math.cos(index));
        const feeds = {
          ...decoderFeeds(model, { length: 11 }),
          'cotangent.logits': { type: 'float32', dims: [1, 11, 50], data: cotangent },
        };
        return floatData(
          (await runModel(differentiate(model, options), feeds))['gradient.inputs_embeds'],
        );
      };
      const { worst, largest } = compare(await gradientWith(causalBlocks), await gradientWith(1));
      expect(worst).toBeLessThan(1e-5 * largest);
    },
  );
});
