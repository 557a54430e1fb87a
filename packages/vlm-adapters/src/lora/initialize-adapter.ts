import { VlmError } from '../errors.js';
import { randomStream } from '../sampling/random-stream.js';
import { allLinear, matchTargets } from './match-targets.js';
import { matrixName } from './matrix-names.js';
import { toPythonPattern } from './python-pattern.js';
import type { Adapter, AdapterConfig, LinearModule, LoraMatrix, LoraOptions } from './types.js';

/**
 * A new adapter, initialized as PEFT does: A Kaiming-uniform with a = √5, B zero, so that the model is unchanged.
 *
 *   A ~ U(−1/√in, 1/√in)
 *
 * @param modules The model's linear layers; those that `options` choose get matrices.
 * @param baseModel Name to write as `base_model_name_or_path`.
 * @throws {VlmError} `invalid-argument` if no layer is chosen or an option is none.
 * @see Hu et al. 2021; PEFT `tuners/lora/layer.py` reset_lora_parameters
 */
export function initializeAdapter(
  modules: readonly LinearModule[],
  options: LoraOptions,
  baseModel: string | null = null,
): Adapter {
  const seed = options.seed ?? 0;
  if (!Number.isSafeInteger(seed)) {
    throw new VlmError('invalid-argument', `\`lora.seed\` must be a whole number, got ${seed}.`);
  }
  const targets = matchTargets(
    modules.map(({ module }) => module),
    options,
  );
  const ranks = new Map(targets.map(({ module, rank }) => [module, rank]));
  const matrices = new Map<string, LoraMatrix>();
  for (const { module, inFeatures, outFeatures } of modules) {
    const rank = ranks.get(module);
    if (rank === undefined) continue;
    matrices.set(matrixName(module, 'A'), {
      dims: [rank, inFeatures],
      data: uniform(rank * inFeatures, 1 / Math.sqrt(inFeatures), streamSeed(seed, module)),
    });
    matrices.set(matrixName(module, 'B'), {
      dims: [outFeatures, rank],
      data: new Float32Array(outFeatures * rank),
    });
  }
  return {
    config: configOf(
      options,
      targets.map(({ module }) => module),
      baseModel,
    ),
    matrices,
  };
}

function configOf(
  options: LoraOptions,
  modules: readonly string[],
  baseModel: string | null,
): AdapterConfig {
  const { targetModules: targets, layersToTransform = null, layersPattern = null } = options;
  let targetModules: AdapterConfig['targetModules'];
  if (targets instanceof RegExp) targetModules = toPythonPattern(targets);
  // Names in full: in Python, `all-linear` would take layers of the vision encoder as well.
  else if (typeof targets === 'string' && targets.toLowerCase() === allLinear)
    targetModules = modules;
  else targetModules = targets;
  return {
    r: options.r ?? 8,
    alpha: options.alpha ?? 8,
    targetModules,
    rsLora: options.rsLora ?? false,
    rankPattern: options.rankPattern ?? {},
    alphaPattern: options.alphaPattern ?? {},
    excludeModules: options.excludeModules ?? null,
    layersToTransform,
    layersPattern,
    baseModel,
    other: {},
  };
}

function uniform(count: number, bound: number, seed: number): Float32Array {
  const random = randomStream({ rowSeed: seed });
  return Float32Array.from({ length: count }, () => (2 * random() - 1) * bound);
}

/** A seed of 32 bits from the user's and a module's name (FNV-1a), so that no module shifts another's stream. */
function streamSeed(seed: number, module: string): number {
  let hash = 0x811c9dc5;
  for (const character of `lora/${seed}/${module}`) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  return hash | 0;
}
