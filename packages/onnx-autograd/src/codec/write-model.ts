import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { OnnxAutogradError } from '../errors.js';
import { type ByteRange, fileError } from './byte-source.js';
import { type EncodeOptions, encodeModel } from './encode.js';
import { everyTensor } from './every-tensor.js';
import { ExternalFiles, leaves } from './external-data.js';
import type { OnnxModel } from './model.js';
import { DataFileLayout, inlineBelowBytes, type PlacedRange } from './place-weights.js';
import { type NewFile, replaceFiles } from './replace-files.js';
import { forEachPieceOf, type WireWriter } from './wire-writer.js';

/** A protobuf message cannot be larger than this. */
const maximumModelBytes = 2 ** 31 - 1;

/** By default, weights that lie in no file beside the model go inside up to this many bytes in all. */
const inlineByDefaultBytes = 1024 * 1024;

export interface WriteModelOptions {
  /**
   * - `reference`: refer to the files that hold the weights, also when that is another `.onnx`; they must
   *   lie in the folder of `path`. Weights that are only in memory go inside.
   * - `copy`: copy the weights into `<path>_data`.
   * - `inline`: write the weights into the model, up to 2 GiB.
   *
   * Weights are tensors of 64 KiB and more; smaller ones are always inside. Default: `reference` if
   * weights lie in files and all of those are under the folder of `path`; else `inline` up to 1 MiB of
   * weights and `copy` above, since then the model can be moved as it is.
   */
  readonly weights?: 'reference' | 'copy' | 'inline';
}

/**
 * Writes a model to a file, which may be the one it was read from.
 *
 * Files get their names when they are complete and on disk. What was under those names is replaced, and is
 * still there when writing fails. A model that was read from a replaced file keeps its graph but not its
 * weights: reading those throws, so read the model again.
 *
 * @param path Where to write; its folder must exist.
 * @throws {OnnxAutogradError} `file` if a file cannot be read or written; `external-path` if a weight to
 * refer to is outside the folder; `invalid-argument` if the model would exceed 2 GiB or refer to the file
 * that it replaces.
 * @example
 * writeModel(keepOutputs(readModel('decoder.onnx'), ['logits']), 'decoder_logits.onnx');
 */
export function writeModel(model: OnnxModel, path: string, options: WriteModelOptions = {}): void {
  const target = realTarget(path);
  const directory = dirname(target);
  const places = weightPlaces(model);
  const weights = options.weights ?? defaultWeights(places, target);
  if (weights === 'copy') {
    const dataPath = `${target}_data`;
    const layout = new DataFileLayout(basename(dataPath), inlineBelowBytes);
    const encoded = checkedSize(encodeModel(model, { weights: layout.place }), 'copy');
    const modelFile = fileOf(target, encoded);
    if (layout.ranges.length === 0) replaceFiles([modelFile]);
    else replaceFiles([{ path: dataPath, fill: fillData(layout.ranges) }, modelFile]);
    return;
  }
  if (weights === 'reference') assertReferable(places, target);
  const mode: EncodeOptions['weights'] = weights === 'inline' ? 'inline' : 'external';
  const encoded = encodeModel(model, { weights: mode, directory });
  replaceFiles([fileOf(target, checkedSize(encoded, weights))]);
}

/**
 * The model as the bytes of an `.onnx` file with its weights inside.
 *
 * For a session prefer `createSession(model)`, which leaves the weights in their files.
 *
 * @throws {OnnxAutogradError} `invalid-argument` if the model would exceed 2 GiB; `file` if a weight cannot
 * be read.
 */
export function modelToBytes(model: OnnxModel): Uint8Array {
  return checkedSize(encodeModel(model, { weights: 'inline' }), 'inline').toBytes();
}

/** The target with the links of its folder resolved: places of weights are compared with it. */
function realTarget(path: string): string {
  const target = resolve(path);
  const directory = dirname(target);
  try {
    return join(realpathSync(directory), basename(target));
  } catch (cause) {
    throw fileError(`Cannot write ${target}: there is no folder ${directory}`, target, cause);
  }
}

/** Where the weights are, tensors below the limit left out. */
function weightPlaces(model: OnnxModel): ByteRange[] {
  const files = new ExternalFiles(model.directory);
  const places: ByteRange[] = [];
  for (const tensor of everyTensor(model)) {
    if (tensor.data.kind === 'fields') continue;
    const range = tensor.data.kind === 'raw' ? tensor.data.range : files.range(tensor);
    if (range.length >= inlineBelowBytes) places.push(range);
  }
  return places;
}

function defaultWeights(
  places: readonly ByteRange[],
  target: string,
): 'reference' | 'copy' | 'inline' {
  const inFiles = places.filter(({ source }) => source.path !== undefined);
  const inMemory = places.filter(({ source }) => source.path === undefined);
  if (
    inFiles.length > 0 &&
    inFiles.every((place) => isReferable(place, target)) &&
    totalBytes(inMemory) <= inlineByDefaultBytes
  ) {
    return 'reference';
  }
  return totalBytes(places) <= inlineByDefaultBytes ? 'inline' : 'copy';
}

function totalBytes(places: readonly ByteRange[]): number {
  return places.reduce((sum, { length }) => sum + length, 0);
}

function isReferable({ source }: ByteRange, target: string): boolean {
  return (
    source.path !== undefined && source.path !== target && !leaves(source.path, dirname(target))
  );
}

function assertReferable(places: readonly ByteRange[], target: string): void {
  for (const { source } of places) {
    const { path } = source;
    if (path === target) {
      throw new OnnxAutogradError(
        'invalid-argument',
        `weights: 'reference' would make ${target} refer to weights inside the file that it replaces. Use 'copy' or 'inline', or another path.`,
        { path },
      );
    }
    if (path !== undefined && leaves(path, dirname(target))) {
      throw new OnnxAutogradError(
        'external-path',
        `weights: 'reference' needs every weight under ${dirname(target)}, got ${path}. Use 'copy' or 'inline', or write the model beside its weights.`,
        { path },
      );
    }
  }
}

function checkedSize(encoded: WireWriter, weights: string): WireWriter {
  if (encoded.length <= maximumModelBytes) return encoded;
  throw new OnnxAutogradError(
    'invalid-argument',
    `With weights: '${weights}' the model would be ${encoded.length} bytes long, and an ONNX file holds ${maximumModelBytes} at most. Use writeModel with 'copy' or 'reference'.`,
  );
}

function fileOf(path: string, encoded: WireWriter): NewFile {
  return { path, fill: (append) => encoded.forEachPiece(append) };
}

function fillData(ranges: readonly PlacedRange[]): NewFile['fill'] {
  return (append) => {
    let end = 0;
    for (const { range, offset } of ranges) {
      append(new Uint8Array(offset - end));
      forEachPieceOf(range, append);
      end = offset + range.length;
    }
  };
}
