import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { type GraphProto, type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { everyTensor } from '../../../src/codec/every-tensor.js';
import { readModel } from '../../../src/codec/read-model.js';
import { readTensorValues } from '../../../src/codec/tensor-values.js';
import { modelToBytes } from '../../../src/codec/write-model.js';
import { OnnxAutogradError } from '../../../src/errors.js';
import { fixtureModels } from './fixture-models.js';
import { parseModel } from './independent-reader.js';
import { addUnknownFields, bytesOf, makeFullModel } from './made-models.js';
import { mutate } from './mutate.js';
import { randomNumbers } from './random.js';
import { outsideWeight, weightedModel } from './weighted-model.js';

/** What became of the mutants. */
export interface FuzzReport {
  mutants: number;
  accepted: number;
  refused: number;
  /** Accepted ones in which the values of a tensor could not be read. */
  refusedValues: number;
  readonly refusedByCode: Record<string, number>;
  /** Longest processor time of one mutant, from first byte read to last check, in milliseconds. */
  worstMs: number;
  /** Number of the mutant that took it. */
  worstMutant: number;
  /** Mutants that were also read from a file. */
  fromFile: number;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly mutants: number;
  /** Folder for the mutants that are read from a file. */
  readonly folder: string;
  readonly onProgress?: (report: FuzzReport) => void;
}

/** Nodes in a slice of a fixture. */
const sliceNodes = 12;

/** Weights of slices are kept up to this size, so that most mutations hit structure. */
const sliceWeightBytes = 128;

/**
 * Reads mutants of the fixtures and of made models, and checks each: it is either refused by the package's
 * own error with a place in the bytes, or is written and read again without a difference.
 *
 * @throws {Error} With the mutant's number, for the first that does anything else.
 */
export function fuzz({ seed, mutants, folder, onProgress }: FuzzOptions): FuzzReport {
  const random = randomNumbers(seed);
  const [made, slices] = [smallBases(), sliceBases()];
  const large = fixtureModels.map(({ path }) => readFileSync(path));
  const report: FuzzReport = {
    mutants: 0,
    accepted: 0,
    refused: 0,
    refusedValues: 0,
    refusedByCode: {},
    worstMs: 0,
    worstMutant: 0,
    fromFile: 0,
  };
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  for (let index = 0; index < mutants; index++) {
    const choice = random();
    // Whole fixtures take a hundred times as long as slices.
    const base = choice < 0.002 ? pick(large) : pick(choice < 0.3 ? made : slices);
    const mutant = mutate(base, random, pick(slices));
    // Not the time of day: a machine that is busy with other things is not a codec that hangs.
    const start = process.cpuUsage();
    try {
      checkMutant(mutant, report);
      if (index % 100 === 0) checkFromFile(mutant, join(folder, 'mutant.onnx'), report);
    } catch (cause) {
      throw new Error(`mutant ${index} of seed ${seed}: ${(cause as Error).message}`, { cause });
    }
    const { user, system } = process.cpuUsage(start);
    const milliseconds = (user + system) / 1000;
    if (milliseconds > report.worstMs) {
      Object.assign(report, { worstMs: milliseconds, worstMutant: index });
    }
    report.mutants++;
    if (report.mutants % 10_000 === 0) onProgress?.(report);
  }
  return report;
}

/** Made models: every field of ONNX, subgraphs with and without weights outside. */
function smallBases(): Uint8Array[] {
  const full = makeFullModel();
  const withUnknown = makeFullModel();
  addUnknownFields(withUnknown);
  const outside = weightedModel((name) => outsideWeight(name, 'weights.bin', 0));
  const inside = weightedModel((name) => ({
    name,
    dims: [4n],
    dataType: 1,
    rawData: new Uint8Array(16),
  }));
  return [full, withUnknown, outside, inside].map(bytesOf);
}

/** Two slices of each fixture: a dozen neighbouring nodes with the inputs, outputs and small weights. */
function sliceBases(): Uint8Array[] {
  return fixtureModels.flatMap(({ path }) => {
    const model = parseModel(readFileSync(path));
    if (model.graph === undefined) throw new Error(`${path} holds no graph`);
    const { graph } = model;
    const middle = Math.floor(graph.node.length / 2);
    return [0, middle].map((start) => bytesOf(sliceOf(model, graph, start)));
  });
}

function sliceOf(model: ModelProto, graph: GraphProto, start: number): ModelProto {
  const node = graph.node.slice(start, start + sliceNodes).map((original) => {
    // The branches of merged decoders are whole graphs: they are cut as well.
    const attribute = original.attribute.map((item) =>
      item.g === undefined || item.g.node.length <= sliceNodes
        ? item
        : { ...item, g: { ...item.g, node: item.g.node.slice(0, sliceNodes), valueInfo: [] } },
    );
    return { ...original, attribute };
  });
  const names = new Set(node.flatMap(({ input }) => input));
  return create(ModelProtoSchema, {
    ...model,
    graph: {
      ...graph,
      node,
      initializer: graph.initializer
        .filter(({ name, rawData }) => names.has(name) && rawData.length <= sliceWeightBytes)
        .slice(0, sliceNodes),
      valueInfo: graph.valueInfo.slice(start, start + 4),
    },
  });
}

function checkMutant(mutant: Uint8Array, report: FuzzReport): void {
  let written: Uint8Array;
  try {
    const model = readModel(mutant);
    for (const tensor of everyTensor(model)) {
      try {
        const values = readTensorValues(tensor, undefined);
        if ((values?.length ?? 0) > 65_536) throw new Error('a weight was read as values');
      } catch (error) {
        assertPlaced(error, mutant);
        report.refusedValues++;
      }
    }
    written = modelToBytes(model);
  } catch (error) {
    const { code } = assertPlaced(error, mutant);
    report.refused++;
    report.refusedByCode[code] = (report.refusedByCode[code] ?? 0) + 1;
    return;
  }
  report.accepted++;
  // Types that version 1 left out are written: a few bytes for each attribute.
  if (written.length > 2 * mutant.length + 64) throw new Error('writing made the model larger');
  const again = modelToBytes(readModel(written));
  if (Buffer.compare(written, again) !== 0) throw new Error('a second round made a difference');
}

/** A file must be read as the same bytes in memory are. */
function checkFromFile(mutant: Uint8Array, path: string, report: FuzzReport): void {
  const outcome = (model: string | Uint8Array): string => {
    try {
      return Buffer.from(modelToBytes(readModel(model))).toString('base64');
    } catch (error) {
      if (!(error instanceof OnnxAutogradError)) throw error;
      return error.code === 'malformed-model' ? `${error.byteOffset}` : 'external';
    }
  };
  writeFileSync(path, mutant);
  if (outcome(path) !== outcome(mutant)) throw new Error('a file is read differently');
  report.fromFile++;
}

function assertPlaced(error: unknown, mutant: Uint8Array): OnnxAutogradError {
  if (!(error instanceof OnnxAutogradError)) throw error;
  const { code, byteOffset, path } = error;
  const isPlaced =
    code === 'malformed-model'
      ? byteOffset !== undefined && byteOffset >= 0 && byteOffset <= mutant.length
      : code === 'external-path' && path !== undefined;
  if (!isPlaced) throw new Error(`an error without a place: ${code}: ${error.message}`);
  return error;
}
