import type { Baseline } from './baselines/baseline.js';
import { chooseBaselines } from './baselines/resolve-baseline.js';
import { requireMethod, scoresCoalitionsByPrompt } from './capabilities.js';
import { AttributionError } from './errors.js';
import { type AttributionInput, checkInput, type Modality } from './input.js';
import { lookUp } from './look-up.js';
import { attributionMethods } from './methods/index.js';
import type { AttributionMethod, MethodSettings, ProblemSize } from './methods/method.js';
import type { AttributionModel, MaskMode } from './model.js';
import type { AttributeOptions } from './options.js';
import { resolvePlayers } from './players/index.js';
import type { Player } from './players/player.js';
import { type ResolvedTarget, resolveTarget } from './targets/resolve-target.js';

/** An explanation that was asked for, with every name resolved and checked and no model called. */
export interface Problem<Prompt = unknown> {
  readonly model: AttributionModel<Prompt>;
  readonly input: AttributionInput<Prompt>;
  readonly method: AttributionMethod;
  readonly settings: MethodSettings;
  readonly unusedSettings: readonly string[];
  readonly players: readonly Player[];
  readonly target: ResolvedTarget;
  readonly baselines: Readonly<Record<Modality, Baseline>>;
  readonly maskMode: MaskMode;
  /** Coalitions are scored as whole prompts, not as embeddings. */
  readonly scoresPrompts: boolean;
  readonly size: ProblemSize;
  readonly seed: number;
}

/** Options that are not settings of a method. */
const commonOptions: readonly string[] = [
  'method',
  'baseline',
  'target',
  'tokenWeights',
  'blocks',
  'players',
  'maskMode',
  'reduce',
  'normalize',
  'exclude',
  'perTarget',
  'keepDimensions',
  'coalitions',
  'maximumBatch',
  'seed',
  'signal',
  'onProgress',
  'clock',
  // Every complete method is gated by it, whether or not it adapts to it.
  'tolerance',
];

/** @throws {AttributionError} For any argument that cannot work, before the model is called. */
export function setUpProblem<Prompt>(
  model: AttributionModel<Prompt>,
  rawInput: AttributionInput<Prompt>,
  options: AttributeOptions,
): Problem<Prompt> {
  const input = options.blocks === undefined ? rawInput : { ...rawInput, blocks: options.blocks };
  checkInput(input);
  const { maskMode = 'baseline', seed = 0, coalitions } = options;
  if (!['baseline', 'remove', 'attentionMask'].includes(maskMode)) {
    throw new AttributionError(
      'unknown-name',
      `Unknown mask mode "${maskMode}". Known: baseline, remove, attentionMask.`,
    );
  }
  if (!Number.isSafeInteger(seed)) {
    throw new AttributionError('bad-option', `\`seed\` must be an integer, got ${seed}.`);
  }
  const method = lookUp<AttributionMethod>(
    'method',
    attributionMethods,
    options.method ?? 'integratedGradients',
  );
  requireMethod(method, model, input, maskMode);
  const { settings, unusedSettings } = chooseSettings(method, options);
  const target = resolveTarget(model, input, options.target, options.tokenWeights);
  const players = coalitions?.players ?? resolvePlayers(input, options.players);
  const groups = new Set(players.map(({ name, group }) => group ?? `player ${name}`));
  return {
    model,
    input,
    method,
    settings,
    unusedSettings,
    players,
    target,
    baselines: chooseBaselines(options.baseline),
    maskMode,
    scoresPrompts: scoresCoalitionsByPrompt(model, input, maskMode),
    size: {
      tokens: input.blocks.length,
      players: players.length,
      groups: groups.size,
      layers: model.layerCount ?? 0,
      positions: input.blocks.length + input.completion.length - 1,
    },
    seed,
  };
}

/** Splits the flat options into what the method reads and what it does not. */
function chooseSettings(
  method: AttributionMethod,
  options: AttributeOptions,
): { settings: MethodSettings; unusedSettings: string[] } {
  const readable = new Set<string>([
    ...Object.keys(method.defaults),
    ...(method.optional ?? []),
    'custom',
  ]);
  const entries = Object.entries(options).filter(
    ([name, value]) =>
      value !== undefined && (name === 'tolerance' || !commonOptions.includes(name)),
  );
  // The only cast: `Object.fromEntries` forgets the keys that `AttributeOptions` had.
  const given = Object.fromEntries(
    entries.filter(([name]) => readable.has(name)),
  ) as MethodSettings;
  return {
    settings: method.settle?.(given) ?? { ...method.defaults, ...given },
    unusedSettings: entries
      .map(([name]) => name)
      .filter((name) => !readable.has(name) && name !== 'tolerance'),
  };
}
