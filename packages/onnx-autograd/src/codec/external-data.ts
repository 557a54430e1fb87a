import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { OnnxAutogradError } from '../errors.js';
import { type ByteRange, FileSource } from './byte-source.js';
import type { OnnxModel, Tensor } from './model.js';

/**
 * Absolute path of an external-data file, which must lie inside the model's folder.
 *
 * ONNX Runtime 1.30 has the same rule: no absolute location, no `..`, no symbolic link that leaves the
 * folder.
 *
 * @throws {OnnxAutogradError} `external-path` if it leaves the folder, `file` if it is not there.
 */
export function resolveExternalPath(location: string, directory: string): string {
  const refuse = (why: string): never => {
    throw new OnnxAutogradError(
      'external-path',
      `External data "${location}" ${why} ${directory}; weights must lie in the model's own folder. If the folder is a cache of symbolic links, pass the real folder or copy the files into one.`,
      { path: location },
    );
  };
  if (isAbsolute(location) || location.includes('\0') || /^[a-zA-Z]:[\\/]/.test(location)) {
    refuse('is not relative to');
  }
  if (location.split(/[\\/]/).includes('..')) refuse('leaves');
  const path = join(directory, location);
  let real: string;
  try {
    real = realpathSync(path);
  } catch (cause) {
    throw new OnnxAutogradError(
      'file',
      `External data ${path} is missing; put it beside the model.`,
      {
        cause,
        path,
      },
    );
  }
  if (leaves(real, realpathSync(directory))) refuse('is a symbolic link that leaves');
  return path;
}

/** Whether `path` lies outside `directory` (both real paths). */
export function leaves(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
}

/** Place of an external tensor's bytes. @throws {OnnxAutogradError} If they are not inside the file. */
export function externalRange(tensor: Tensor, directory: string | undefined): ByteRange {
  if (tensor.data.kind !== 'external') throw new Error('internal: the tensor is not external');
  const { location, offset } = tensor.data;
  if (directory === undefined) {
    throw new OnnxAutogradError(
      'external-path',
      `Tensor "${tensor.name}" lies in the file "${location}", but the model was given as bytes and has no folder; read it by its path.`,
      { path: location },
    );
  }
  const path = resolveExternalPath(location, directory);
  const source = new FileSource(path);
  const length = tensor.data.length ?? source.size - offset;
  if (length < 0 || offset + length > source.size) {
    throw new OnnxAutogradError(
      'file',
      `Tensor "${tensor.name}" needs bytes ${offset} to ${offset + length} of ${path}, which holds ${source.size}; the file is truncated or belongs to another model.`,
      { path, byteOffset: offset },
    );
  }
  return { source, offset, length };
}

/** Checks once that every external initializer is there and long enough. */
export function checkExternalData(model: OnnxModel): void {
  const sizes = new Map<string, number>();
  for (const tensor of model.graph.initializers) {
    if (tensor.data.kind !== 'external') continue;
    const { location, offset, length } = tensor.data;
    if (model.directory === undefined) {
      externalRange(tensor, undefined);
      continue;
    }
    let size = sizes.get(location);
    if (size === undefined) {
      size = statSync(resolveExternalPath(location, model.directory)).size;
      sizes.set(location, size);
    }
    if (offset + (length ?? 0) > size) externalRange(tensor, model.directory);
  }
}
