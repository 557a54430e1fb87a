import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VlmError } from '../../src/errors.js';
import { type LoraTarget, matchTargets, parseAdapterConfig } from '../../src/lora/index.js';

// What PEFT itself chooses; made by scripts/reference/vlm-adapters/peft_matching.py, version in the file.
const reference = JSON.parse(
  readFileSync(new URL('../fixtures/peft-matching.json', import.meta.url), 'utf8'),
) as { names: string[]; cases: { config: Record<string, unknown>; targets: LoraTarget[] }[] };

describe('matchTargets', () => {
  it.each(reference.cases)('chooses what PEFT chooses: $config', ({ config, targets }) => {
    const parsed = parseAdapterConfig({ peft_type: 'LORA', r: 8, lora_alpha: 8, ...config });
    if (targets.length === 0) {
      expect(() => matchTargets(reference.names, parsed)).toThrow('matches none');
      return;
    }
    const actual = matchTargets(reference.names, parsed);
    expect(actual.map(({ scaling, ...rest }) => ({ ...rest, scaling: 0 }))).toEqual(
      targets.map((target) => ({ ...target, scaling: 0 })),
    );
    for (const [index, { scaling }] of actual.entries()) {
      expect(scaling).toBeCloseTo(targets[index]?.scaling ?? Number.NaN, 12);
    }
  });

  it('has cases that choose none, some and many', () => {
    const counts = reference.cases.map(({ targets }) => targets.length);
    expect(Math.min(...counts)).toBe(0);
    expect(Math.max(...counts)).toBeGreaterThan(10);
    expect(reference.cases.length).toBeGreaterThan(25);
  });

  it('takes all layers for all-linear, in any case', () => {
    const targets = matchTargets(['a.b', 'c'], { targetModules: 'All-Linear', r: 2, alpha: 4 });
    expect(targets).toEqual([
      { module: 'a.b', rank: 2, alpha: 4, scaling: 2 },
      { module: 'c', rank: 2, alpha: 4, scaling: 2 },
    ]);
  });

  it('takes a JavaScript expression, which must match the whole name', () => {
    const chosen = (targetModules: RegExp) =>
      matchTargets(['x.q_proj', 'x.q_proj.inner', 'x.Q_PROJ'], { targetModules }).map(
        ({ module }) => module,
      );
    expect(chosen(/.*q_proj/)).toEqual(['x.q_proj']);
    expect(chosen(/(?<letter>X)\.q_proj/i)).toEqual(['x.q_proj', 'x.Q_PROJ']);
  });

  it('uses α/√r for rank-stabilized LoRA', () => {
    const options = { targetModules: ['q'], r: 16, alpha: 8 };
    expect(matchTargets(['q'], options)[0]?.scaling).toBe(0.5);
    expect(matchTargets(['q'], { ...options, rsLora: true })[0]?.scaling).toBe(2);
  });

  it('stops a pattern that backtracks for ever', () => {
    const started = performance.now();
    const name = `${'a'.repeat(60)}!`;
    expect(() => matchTargets([name], { targetModules: '(a+)+' })).toThrow('backtrack less');
    expect(performance.now() - started).toBeLessThan(20_000);
  }, 30_000);

  it.each([
    [{ targetModules: ['q'], r: 0 }, 'rank of q'],
    [{ targetModules: ['q'], r: 1.5 }, 'rank of q'],
    [{ targetModules: ['q'], alpha: Number.NaN }, 'alpha of q'],
    [{ targetModules: ['q'], rankPattern: { q: -1 } }, 'rank of q'],
    [{ targetModules: ['other'] }, 'matches none'],
    [{ targetModules: '(' }, 'no regular expression'],
    [{ targetModules: 'q', layersToTransform: 1 }, 'needs a list'],
    [{ targetModules: ['q'], layersPattern: 'layers' }, 'layersToTransform'],
  ])('refuses %o', (options, message) => {
    const call = (): unknown => matchTargets(['q'], options);
    expect(call).toThrow(VlmError);
    expect(call).toThrow(message);
  });
});
