import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VlmError } from '../errors.js';
import { adapterConfigText, readAdapterConfig } from './adapter-config.js';
import { matchTargets } from './match-targets.js';
import { matrixName, modulesOf, parseMatrixName } from './matrix-names.js';
import { readSafetensors, safetensorsBytes } from './safetensors.js';
import { quote } from './safetensors-header.js';
import type { Adapter, LoraMatrix } from './types.js';

const configFile = 'adapter_config.json';
const matricesFile = 'adapter_model.safetensors';

/**
 * Reads an adapter that PEFT, or {@link writeAdapter}, has written.
 *
 * Both files are checked against each other: each matrix has its partner, ranks are those of the configuration,
 * every module is among its targets, and all numbers are finite. Nothing else is opened, whatever the files say.
 *
 * @param folder Folder of `adapter_config.json` and `adapter_model.safetensors`.
 * @throws {VlmError} `adapter` if something is missing, broken, contradictory or not built here.
 */
export async function readAdapter(folder: string): Promise<Adapter> {
  const config = await readAdapterConfig(join(folder, configFile));
  const path = join(folder, matricesFile);
  await refusePickle(folder, path);
  const { tensors } = await readSafetensors(path, (name, { dims }) => {
    if (parseMatrixName(name) === null) {
      throw new VlmError(
        'adapter',
        `${path} holds ${quote(name)}, expected names such as ${matrixName('model.layers.0.self_attn.q_proj', 'A')}: only branches of linear layers are built here.`,
      );
    }
    if (dims.length !== 2) {
      throw new VlmError(
        'adapter',
        `${path}: ${quote(name)} has the shape ${quote(dims)}, expected a matrix.`,
      );
    }
  });
  const adapter: Adapter = { config, matrices: tensors };
  checkAdapter(adapter, path);
  return adapter;
}

/**
 * Writes an adapter as PEFT's two files, which PEFT and vLLM load. The same adapter gives the same bytes.
 *
 * Each file gets its name when it is complete, the configuration last.
 *
 * @param folder Made if it is not there.
 * @throws {VlmError} `adapter` if matrices and configuration do not agree, or the files cannot be written.
 */
export async function writeAdapter(adapter: Adapter, folder: string): Promise<void> {
  checkAdapter(adapter, 'The adapter');
  try {
    await mkdir(folder, { recursive: true });
    await replaceFile(join(folder, matricesFile), safetensorsBytes(adapter.matrices));
    await replaceFile(join(folder, configFile), adapterConfigText(adapter.config));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VlmError('adapter', `Cannot write the adapter to ${folder}: ${reason}.`, { cause });
  }
}

/**
 * Checks that matrices and configuration agree.
 *
 * @param where What to call the adapter in a message.
 * @throws {VlmError} `adapter`.
 */
export function checkAdapter({ config, matrices }: Adapter, where: string): void {
  const modules = modulesOf(matrices.keys());
  if (modules.length === 0) throw new VlmError('adapter', `${where} holds no matrix.`);
  const targets = new Map(
    targetsOf(config, modules, where).map((target) => [target.module, target]),
  );
  for (const module of modules) {
    const target = targets.get(module);
    if (target === undefined) {
      throw new VlmError(
        'adapter',
        `${where} holds matrices of ${module}, which its target_modules ${quote(config.targetModules)} do not name.`,
      );
    }
    const [rank, a] = sizesOf(matrices, matrixName(module, 'A'), where);
    const [b, bRank] = sizesOf(matrices, matrixName(module, 'B'), where);
    if (rank !== target.rank || bRank !== target.rank) {
      throw new VlmError(
        'adapter',
        `${where}: ${module} must have rank ${target.rank} as configured, expected A [${target.rank}, in] and B [out, ${target.rank}], got A [${rank}, ${a}] and B [${b}, ${bRank}].`,
      );
    }
  }
}

function targetsOf(
  config: Adapter['config'],
  modules: readonly string[],
  where: string,
): ReturnType<typeof matchTargets> {
  try {
    return matchTargets(modules, config);
  } catch (cause) {
    if (!(cause instanceof VlmError)) throw cause;
    throw new VlmError('adapter', `${where}: ${cause.message}`, { cause });
  }
}

function sizesOf(
  matrices: ReadonlyMap<string, LoraMatrix>,
  name: string,
  where: string,
): readonly [number, number] {
  const matrix = matrices.get(name);
  if (matrix === undefined) {
    throw new VlmError('adapter', `${where} lacks ${name}; each module needs A and B.`);
  }
  const [rows = 0, columns = 0] = matrix.dims;
  if (rows < 1 || columns < 1 || matrix.data.length !== rows * columns) {
    throw new VlmError(
      'adapter',
      `${where}: ${name} has the shape ${quote(matrix.dims)} and ${matrix.data.length} numbers.`,
    );
  }
  const bad = matrix.data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new VlmError(
      'adapter',
      `${where}: ${name} holds ${matrix.data[bad]} at index ${bad}; every number must be finite in float32.`,
    );
  }
  return [rows, columns];
}

async function refusePickle(folder: string, path: string): Promise<void> {
  const has = (file: string): Promise<boolean> =>
    stat(file).then(
      () => true,
      () => false,
    );
  if (!(await has(path)) && (await has(join(folder, 'adapter_model.bin')))) {
    throw new VlmError(
      'adapter',
      `${folder} holds adapter_model.bin, a pickle, which can run any code and is not read. Save it again with safe_serialization=True.`,
    );
  }
}

async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, content, { flush: true });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
}
