import { realpathSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { OnnxAutogradError } from '../errors.js';
import { type ByteRange, FileSource, fileError } from './byte-source.js';
import { byteLengthOf } from './element-types.js';
import { everyTensor } from './every-tensor.js';
import type { OnnxModel, Tensor } from './model.js';

/**
 * Real path of an external-data file, which must lie inside the model's folder.
 *
 * ONNX Runtime 1.30 has the same rule: no absolute location, no `..`, no symbolic link that leaves the
 * folder.
 *
 * @throws {OnnxAutogradError} `external-path` if it leaves the folder, `file` if it is not there.
 */
function resolveExternalPath(location: string, directory: string): string {
  const refuse = (why: string): never => {
    throw new OnnxAutogradError(
      'external-path',
      `External data ${JSON.stringify(location)} ${why} ${directory}; weights must lie in the model's own folder. If the folder is a cache of symbolic links, pass the real folder or copy the files into one.`,
      { path: location },
    );
  };
  if (isAbsolute(location) || location.includes('\0') || /^([a-zA-Z]:|[\\/])/.test(location)) {
    refuse('is not relative to');
  }
  if (location.split(/[\\/]/).includes('..')) refuse('leaves');
  const path = join(directory, location);
  let real: string;
  let realDirectory: string;
  try {
    realDirectory = realpathSync(directory);
    real = realpathSync(path);
  } catch (cause) {
    throw fileError(`External data ${path} cannot be found; put it beside the model`, path, cause);
  }
  if (leaves(real, realDirectory)) refuse('is a symbolic link that leaves');
  return real;
}

/** Whether `path` lies outside `directory` (both real paths). */
export function leaves(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
}

/** The external-data files of one model, each opened once. */
export class ExternalFiles {
  readonly #directory: string | undefined;
  readonly #sources = new Map<string, FileSource>();

  /** @param directory Folder that locations are relative to, `undefined` for a model in memory. */
  constructor(directory: string | undefined) {
    this.#directory = directory;
  }

  /**
   * Place of an external tensor's bytes.
   *
   * @throws {OnnxAutogradError} `external-path` or `file` if they are not where the model says.
   */
  range(tensor: Tensor): ByteRange {
    const { data, name, type, dims } = tensor;
    if (data.kind !== 'external') throw new Error('internal: the tensor is not external');
    const source = this.#source(data.location, name);
    const count = dims.reduce((product, dimension) => product * dimension, 1);
    const needed = type === undefined || type === 'string' ? undefined : byteLengthOf(type, count);
    const { offset } = data;
    const length = data.length ?? needed ?? Math.max(0, source.size - offset);
    if (needed !== undefined && length !== needed) {
      throw new OnnxAutogradError(
        'malformed-model',
        `Tensor "${name}" of type ${type} and shape [${dims.join(', ')}] needs ${needed} bytes, and its place in ${source.path} is ${length} bytes long.`,
        { path: source.path, byteOffset: offset },
      );
    }
    if (offset + length > source.size) {
      throw new OnnxAutogradError(
        'file',
        `Tensor "${name}" needs bytes ${offset} to ${offset + length} of ${source.path}, which holds ${source.size}; the file is truncated or belongs to another model.`,
        { path: source.path, byteOffset: offset },
      );
    }
    return { source, offset, length };
  }

  #source(location: string, tensorName: string): FileSource {
    const known = this.#sources.get(location);
    if (known !== undefined) return known;
    if (this.#directory === undefined) {
      throw new OnnxAutogradError(
        'external-path',
        `Tensor "${tensorName}" lies in the file ${JSON.stringify(location)}, but the model was given as bytes and has no folder; read it by its path.`,
        { path: location },
      );
    }
    const source = new FileSource(resolveExternalPath(location, this.#directory));
    this.#sources.set(location, source);
    return source;
  }
}

/** Place of one external tensor's bytes. @throws {OnnxAutogradError} If they are not inside the file. */
export function externalRange(tensor: Tensor, directory: string | undefined): ByteRange {
  return new ExternalFiles(directory).range(tensor);
}

/** Checks once that the data of every external tensor is there and long enough. */
export function checkExternalData(model: OnnxModel): void {
  const files = new ExternalFiles(model.directory);
  for (const tensor of everyTensor(model)) {
    if (tensor.data.kind === 'external') files.range(tensor);
  }
}
