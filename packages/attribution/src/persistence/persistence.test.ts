import { appendFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { explainSample } from '../../test/render/sample-results.js';
import { AttributionCache } from './attribution-cache.js';
import {
  loadAttribution,
  parseAttribution,
  saveAttribution,
  serializeAttribution,
} from './json.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'attribution-'));
});

describe('one file', () => {
  test('loads what was saved, bit for bit', async () => {
    const result = await explainSample(1);
    await saveAttribution(join(folder, 'a.json'), result);
    expect(await loadAttribution(join(folder, 'a.json'))).toEqual(result);
  });
  test('without timings the bytes depend on the seed only', async () => {
    const result = await explainSample(1);
    const later = { ...result, cost: { ...result.cost, seconds: 12 } };
    expect(serializeAttribution(later)).not.toBe(serializeAttribution(result));
    expect(serializeAttribution(later, { timings: false })).toBe(
      serializeAttribution(result, { timings: false }),
    );
  });
  test.each([
    ['broken JSON', '{', /not JSON/],
    ['another format', '{"format":"x"}', /not an attribution of version 1/],
    ['a score that is no number', null, /tokens.*scores/s],
  ])('%s is refused', async (_name, text, message) => {
    const result = await explainSample(1);
    const broken =
      text ?? serializeAttribution(result).replace(/"scores":\[[^,]+/, '"scores":["much"');
    expect(() => parseAttribution(broken, 'a.json')).toThrow(message);
    expect(() => parseAttribution(broken, 'a.json')).toThrow(
      expect.objectContaining({ code: 'bad-file' }),
    );
  });
  test('a newer version is refused', async () => {
    const newer = serializeAttribution(await explainSample(1)).replace(
      '"version":1',
      '"version":2',
    );
    expect(() => parseAttribution(newer)).toThrow(/version/);
  });
  test('a missing file is refused by name', async () => {
    await expect(loadAttribution(join(folder, 'none.json'))).rejects.toThrow(
      /Cannot read .*none\.json/,
    );
  });
});

describe('a cache', () => {
  test('is streamed to a file, resumed, and read by key', async () => {
    const path = join(folder, 'teacher.jsonl');
    const results = await Promise.all([1, 2, 3].map(explainSample));
    const cache = await AttributionCache.open(path);
    await Promise.all(
      results.slice(0, 2).map((result, index) => cache.append(`sample "${index}" ü`, result)),
    );
    const resumed = await AttributionCache.open(path);
    expect(resumed.keys()).toEqual(['sample "0" ü', 'sample "1" ü']);
    await resumed.append('third', results[2] as (typeof results)[number]);
    expect(await resumed.get('sample "1" ü')).toEqual(results[1]);
    expect(await resumed.get('third')).toEqual(results[2]);
    expect(await resumed.get('fourth')).toBeNull();
    const seen = [];
    for await (const [key] of resumed.entries()) seen.push(key);
    expect(seen).toHaveLength(3);
    expect((await readFile(path, 'utf8')).trim().split('\n')).toHaveLength(3);
  });
  test('cuts off a line that a crash left unfinished, and goes on', async () => {
    const path = join(folder, 'teacher.jsonl');
    const cache = await AttributionCache.open(path);
    await cache.append('whole', await explainSample(1));
    await appendFile(path, '{"key":"half","result":{"for');
    const resumed = await AttributionCache.open(path);
    expect(resumed.keys()).toEqual(['whole']);
    await resumed.append('next', await explainSample(2));
    const again = await AttributionCache.open(path);
    expect(again.keys()).toEqual(['whole', 'next']);
    expect((await again.get('next'))?.model.id).toBe('sample 2');
  });
  test('the last line of a key wins', async () => {
    const cache = await AttributionCache.open(join(folder, 'teacher.jsonl'));
    await cache.append('a', await explainSample(1));
    await cache.append('a', await explainSample(2));
    expect(cache.size).toBe(1);
    expect((await cache.get('a'))?.model.id).toBe('sample 2');
  });
  test('names the byte where a line is no entry', async () => {
    const path = join(folder, 'bad.jsonl');
    await writeFile(path, '{"key": 1, "result": {}}\n');
    await expect(AttributionCache.open(path)).rejects.toThrow(/at byte 0: `key` must be a string/);
    await writeFile(path, 'nonsense\n');
    await expect(AttributionCache.open(path)).rejects.toThrow(/at byte 0: the line is not JSON/);
  });
});
