import { VlmError } from '../errors.js';
import { checkAdapter, readAdapter, writeAdapter } from './adapter-files.js';
import { matchTargets } from './match-targets.js';
import { matrixName, modulesOf } from './matrix-names.js';
import type { Adapter, LinearModule, LoraMatrix } from './types.js';

/** A model that can wear an adapter. */
export interface AdapterHost {
  /** The adapter it wears, with the matrices as they are at this moment; `null` without one. */
  readonly adapter: Adapter | null;
  /** Every linear layer that a branch can be put beside. */
  readonly linearModules: readonly LinearModule[];
  /** Takes an adapter in place of the one before. The matrices become the model's own. */
  setAdapter(adapter: Adapter | null): void | Promise<void>;
}

/**
 * Puts an adapter that PEFT or {@link saveAdapter} has written on a model.
 *
 * @throws {VlmError} `adapter` if the files are broken or made for another model; the model then keeps the
 * adapter that it had.
 */
export async function loadAdapter(model: AdapterHost, folder: string): Promise<Adapter> {
  const adapter = fitAdapter(await readAdapter(folder), model.linearModules);
  await model.setAdapter(adapter);
  return adapter;
}

/**
 * Writes a model's adapter as PEFT's files.
 *
 * @throws {VlmError} `adapter` if the model has none or the files cannot be written.
 */
export async function saveAdapter(
  model: Pick<AdapterHost, 'adapter'>,
  folder: string,
): Promise<void> {
  const { adapter } = model;
  if (adapter === null) {
    throw new VlmError(
      'adapter',
      'The model has no adapter to save. Load it with `lora` or `adapter`.',
    );
  }
  await writeAdapter(adapter, folder);
}

/**
 * Checks an adapter against a model's layers.
 *
 * Names that the model does not have are taken for those of an older transformers, which left out the outer
 * modules: a layer of the model whose name has the same part from the layer's number on stands for it, if there
 * is exactly one.
 *
 * @returns The adapter, with the model's names.
 * @throws {VlmError} `adapter`, naming the first matrix that does not fit.
 */
export function fitAdapter(adapter: Adapter, layers: readonly LinearModule[]): Adapter {
  checkAdapter(adapter, 'The adapter');
  const byName = new Map(layers.map((layer) => [layer.module, layer]));
  const modules = modulesOf(adapter.matrices.keys());
  const renamed = new Map<string, string>();
  for (const module of modules) {
    const layer = byName.get(module) ?? onlyLayerLike(module, layers);
    if (layer === undefined) {
      throw new VlmError(
        'adapter',
        `The adapter changes ${module}, and the model has no such layer: it was made for another model. Layers: ${layers
          .slice(0, 7)
          .map((known) => known.module)
          .join(', ')}${layers.length > 7 ? `, … (${layers.length})` : ''}.`,
      );
    }
    const [a, b] = [matrixName(module, 'A'), matrixName(module, 'B')];
    const inFeatures = adapter.matrices.get(a)?.dims[1];
    const outFeatures = adapter.matrices.get(b)?.dims[0];
    if (inFeatures !== layer.inFeatures || outFeatures !== layer.outFeatures) {
      throw new VlmError(
        'adapter',
        `The adapter's matrices of ${module} are for ${inFeatures} → ${outFeatures} features, expected ${layer.inFeatures} → ${layer.outFeatures}: it was made for a model of another size.`,
      );
    }
    renamed.set(module, layer.module);
  }
  if (modules.every((module) => renamed.get(module) === module)) return adapter;
  return rename(adapter, renamed);
}

function onlyLayerLike(module: string, layers: readonly LinearModule[]): LinearModule | undefined {
  const end = /(?:^|\.)(\w+\.\d+\..+)$/.exec(module)?.[1];
  if (end === undefined) return undefined;
  const alike = layers.filter((layer) => layer.module.endsWith(`.${end}`));
  return alike.length === 1 ? alike[0] : undefined;
}

/** The same adapter under the model's names, which its configuration then lists one by one. */
function rename(adapter: Adapter, names: ReadonlyMap<string, string>): Adapter {
  const { config } = adapter;
  const matrices = new Map<string, LoraMatrix>();
  const rankPattern: Record<string, number> = {};
  const alphaPattern: Record<string, number> = {};
  for (const { module, rank, alpha } of matchTargets([...names.keys()], config)) {
    const name = names.get(module) ?? module;
    const pattern = name.replaceAll('.', '\\.');
    if (rank !== config.r) rankPattern[pattern] = rank;
    if (alpha !== config.alpha) alphaPattern[pattern] = alpha;
    for (const matrix of ['A', 'B'] as const) {
      const own = adapter.matrices.get(matrixName(module, matrix));
      if (own !== undefined) matrices.set(matrixName(name, matrix), own);
    }
  }
  if (matrices.size < adapter.matrices.size) {
    throw new VlmError(
      'adapter',
      'Two modules of the adapter stand for the same layer of the model.',
    );
  }
  const targetModules = [...names.values()];
  const none = { excludeModules: null, layersToTransform: null, layersPattern: null };
  return { config: { ...config, ...none, targetModules, rankPattern, alphaPattern }, matrices };
}
