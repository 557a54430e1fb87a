import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeModel } from '../../src/codec/encode.js';
import { readModel } from '../../src/codec/read-model.js';
import { modelToBytes } from '../../src/codec/write-model.js';
import { fixtureModels } from './support/fixture-models.js';
import { expectSameModel, parseModel, resolveExternalData } from './support/independent-reader.js';
import { randomFeeds, runModel } from './support/run-model.js';

/** Small enough that most weights of the tiny models become references. */
const inlineBelow = 1024;

it('finds the graphs of all five families', () => {
  const families = new Set(fixtureModels.map(({ name }) => name.split('/')[0]));
  expect([...families].sort()).toEqual(['gemma3', 'qwen2_5_vl', 'qwen2_vl', 'qwen3_vl', 'smolvlm']);
  expect(fixtureModels.length).toBeGreaterThanOrEqual(27);
});

describe.each(fixtureModels)('$name', ({ path, directory }) => {
  it('reads equal by an independent reader after decoding and encoding', () => {
    const model = readModel(path);
    const original = resolveExternalData(parseModel(readFileSync(path)), directory);

    expectSameModel(parseModel(modelToBytes(model)), original);

    const referring = encodeModel(model, { weights: 'external', inlineBelow }).toBytes();
    const resolved = resolveExternalData(parseModel(referring), directory);
    expectSameModel(resolved, original);
  });

  it('runs bit for bit as before, with weights inside and as references', async () => {
    const model = readModel(path);
    const feeds = randomFeeds(model, 7);
    const expected = await runModel(path, feeds);
    expect(Object.keys(expected).length).toBeGreaterThan(0);

    const inline = modelToBytes(model);
    expect(await runModel(inline, feeds)).toEqual(expected);

    const referring = encodeModel(model, { weights: 'external', inlineBelow }).toBytes();
    // Fails if nothing was left outside: the test would then be the one above once more.
    expect(referring.length).toBeLessThan(inline.length / 1.5);
    expect(await runModel(referring, feeds, directory)).toEqual(expected);
  });
});
