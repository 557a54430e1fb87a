import { dirname, resolve } from 'node:path';
import { OnnxAutogradError } from '../errors.js';
import { type ByteRange, FileSource } from './byte-source.js';
import { type EncodeOptions, encodeModel } from './encode.js';
import { externalRange } from './external-data.js';
import type { OnnxModel, Tensor } from './model.js';
import { copyRange, writeAtomically } from './wire-writer.js';

/** Tensors from this size on go into the data file of a copied model. */
const separateBytes = 64 * 1024;

/** External data starts at multiples of this, so that ONNX Runtime can map it. */
const alignment = 4096;

/** A protobuf message cannot be larger than this. */
const maximumModelBytes = 2 ** 31 - 1;

export interface WriteModelOptions {
  /**
   * - `reference`: refer to the files that hold the weights; they must lie in the folder of `path`.
   * - `copy`: copy the weights into `<path>_data`.
   * - `inline`: write the weights into the model, up to 2 GiB.
   *
   * Default: `reference` if every weight lies under the folder of `path`; else `inline` up to 1 MiB of
   * weights and `copy` above.
   */
  readonly weights?: 'reference' | 'copy' | 'inline';
}

/**
 * Writes a model to a file, by way of a temporary name.
 *
 * @throws {OnnxAutogradError} `file` if it cannot be written; `invalid-argument` if it cannot be inlined.
 */
export function writeModel(model: OnnxModel, path: string, options: WriteModelOptions = {}): void {
  const target = resolve(path);
  const directory = dirname(target);
  const weights = options.weights ?? defaultWeights(model, target);
  if (weights === 'copy') {
    encodeModel(copyWeights(model, target), { weights: 'external', directory }).toFile(target);
    return;
  }
  const mode: EncodeOptions['weights'] = weights === 'inline' ? 'inline' : 'external';
  const encoded = encodeModel(model, { weights: mode, directory });
  if (encoded.length > maximumModelBytes) {
    throw new OnnxAutogradError(
      'invalid-argument',
      `weights: 'inline' would make ${target} ${encoded.length} bytes long; an ONNX file holds ${maximumModelBytes} at most. Use 'copy' or 'reference'.`,
      { path: target },
    );
  }
  encoded.toFile(target);
}

/**
 * The model as the bytes of an `.onnx` file with its weights inside.
 *
 * For a session prefer `createSession(model)`, which leaves the weights in their files.
 */
export function modelToBytes(model: OnnxModel): Uint8Array {
  return encodeModel(model, { weights: 'inline' }).toBytes();
}

function rangeOf(tensor: Tensor, model: OnnxModel): ByteRange | undefined {
  if (tensor.data.kind === 'raw') return tensor.data.range;
  return tensor.data.kind === 'external' ? externalRange(tensor, model.directory) : undefined;
}

function defaultWeights(model: OnnxModel, target: string): 'reference' | 'copy' | 'inline' {
  const ranges = model.graph.initializers
    .map((tensor) => rangeOf(tensor, model))
    .filter((range) => range !== undefined);
  const directory = `${dirname(target)}/`;
  // A model that is written over its own file must not refer to what it overwrites.
  const isBeside = ({ source }: ByteRange): boolean =>
    source.path?.startsWith(directory) === true && source.path !== target;
  const large = ranges.filter((range) => range.length >= separateBytes);
  if (large.length > 0 && large.every(isBeside)) return 'reference';
  const total = large.reduce((sum, range) => sum + range.length, 0);
  return total <= 1024 * 1024 ? 'inline' : 'copy';
}

/** Copies large weights into `<target>_data` and returns the model that refers to them. */
function copyWeights(model: OnnxModel, target: string): OnnxModel {
  const dataPath = `${target}_data`;
  const places = new Map<Tensor, { offset: number; length: number }>();
  writeAtomically(dataPath, (descriptor) => {
    let position = 0;
    for (const tensor of model.graph.initializers) {
      const range = rangeOf(tensor, model);
      if (range === undefined || range.length < separateBytes) continue;
      const padding = (alignment - (position % alignment)) % alignment;
      copyRange({ source: zeros, offset: 0, length: padding }, descriptor);
      places.set(tensor, { offset: position + padding, length: range.length });
      copyRange(range, descriptor);
      position += padding + range.length;
    }
  });
  const source = new FileSource(dataPath);
  const initializers = model.graph.initializers.map((tensor): Tensor => {
    const place = places.get(tensor);
    if (place !== undefined)
      return { ...tensor, data: { kind: 'raw', range: { source, ...place } } };
    const range = rangeOf(tensor, model);
    return range === undefined ? tensor : { ...tensor, data: { kind: 'raw', range } };
  });
  return { ...model, graph: { ...model.graph, initializers }, directory: dirname(target) };
}

const zeros = {
  size: alignment,
  path: undefined,
  read: (_offset: number, length: number): Uint8Array => new Uint8Array(length),
};
