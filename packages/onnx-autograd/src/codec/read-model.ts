import { realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OnnxAutogradError } from '../errors.js';
import { FileSource, fileError, MemorySource } from './byte-source.js';
import { decodeModel } from './decode.js';
import { checkExternalData } from './external-data.js';
import type { OnnxModel } from './model.js';

/**
 * Reads the structure of an ONNX model. Weights stay where they are: an initializer is a place in a file,
 * also when its bytes lie inside the `.onnx` itself. Opening a 2 GB model takes a few megabytes.
 *
 * @param model Path of an `.onnx` file, or its bytes. Bytes are kept, not copied; external data needs a path.
 * @throws {OnnxAutogradError} `malformed-model` with the byte offset; `file`; `external-path`.
 * @example
 * const model = readModel('model/onnx/decoder_model_merged.onnx');
 * model.graph.inputs.map((input) => input.name);
 */
export function readModel(model: string | URL | Uint8Array): OnnxModel {
  if (model instanceof Uint8Array) return checked(decodeModel(new MemorySource(model), undefined));
  const path = pathOf(model);
  let real: string;
  try {
    real = realpathSync(path);
  } catch (cause) {
    throw fileError(`Cannot find the model file ${JSON.stringify(path)}`, path, cause);
  }
  return checked(decodeModel(new FileSource(real), dirname(real)));
}

function pathOf(model: string | URL): string {
  if (typeof model === 'string') return resolve(model);
  try {
    return fileURLToPath(model);
  } catch (cause) {
    throw new OnnxAutogradError(
      'invalid-argument',
      `\`model\` must be a path, a file: URL or bytes, got ${String(model)}.`,
      { cause },
    );
  }
}

function checked(model: OnnxModel): OnnxModel {
  checkExternalData(model);
  return model;
}
