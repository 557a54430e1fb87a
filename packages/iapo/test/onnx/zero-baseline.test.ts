import { type AttributionResult, attribute } from '@iapo/attribution';
import type { OnnxVlm } from '@iapo/vlm-adapters';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attributionInput } from '../../src/model/attribution-input.js';
import { loadFixture, pick, readReferences } from './fixture-models.js';

const family = 'qwen2_5_vl';
let model: OnnxVlm;
beforeAll(async () => {
  model = await loadFixture(family);
});
afterAll(async () => {
  await model.dispose();
});

describe('a zero baseline under RMSNorm, on a real graph', () => {
  const explain = async (
    options: Parameters<typeof attribute>[2],
  ): Promise<NonNullable<AttributionResult['completeness']>> => {
    const prompt = await model.encode([{ role: 'user', content: 'Which bar is the highest?' }]);
    const completion = pick<number[]>(readReferences(family), 'completions', 'focus', 'ids');
    const result = await attribute(model, attributionInput(model, prompt, completion), options);
    if (result.completeness === null) throw new Error('no completeness');
    return result.completeness;
  };

  test('is flagged, however many of the default steps are tried', async () => {
    const { converged, relativeDelta } = await explain({ baseline: 'zero' });
    expect(converged).toBe(false);
    expect(relativeDelta).toBeGreaterThan(0.1);
  });

  test('is cured by the graded quadrature', async () => {
    const graded = await explain({
      baseline: 'zero',
      quadrature: 'gradedGaussLegendre',
      steps: 160,
      maximumSteps: 160,
    });
    expect(graded.relativeDelta).toBeLessThan(0.02);
    expect(graded.converged).toBe(true);
  });

  test('does not arise with the default baseline', async () => {
    expect((await explain({})).converged).toBe(true);
  });
});
