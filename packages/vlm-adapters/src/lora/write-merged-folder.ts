import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { type OnnxModel, readModel, writeModel } from '@iapo/onnx-autograd';
import { VlmError } from '../errors.js';
import { withSingleDataFiles } from './data-file-counts.js';
import { matchTargets } from './match-targets.js';
import { modulesOf } from './matrix-names.js';
import { type ModuleNode, mergeIntoModel } from './merge-into-model.js';
import type { Adapter } from './types.js';

/** A graph of the model and the modules in it. */
export interface MergeGraph {
  /** Path, such as `model/onnx/decoder_model_merged_fp16.onnx`; the copy keeps the file's name. */
  readonly path: string;
  /** Its linear layers; none for a graph that is only copied. */
  readonly nodes: readonly ModuleNode[];
}

export interface MergedFolderOptions {
  /** Folder of the model: configuration and tokenizer beside a folder of graphs. */
  readonly modelFolder: string;
  /** Folder for the graphs in `outputFolder`. */
  readonly subfolder: string;
  /** The graphs that make up the model; others, such as other quantizations, are left out. */
  readonly graphs: readonly MergeGraph[];
  readonly adapter: Adapter;
  /** A folder that does not exist yet. */
  readonly outputFolder: string;
  readonly signal?: AbortSignal | undefined;
}

/** Files beside the graphs that a model needs; weights of other frameworks would be those of before. */
const copiedExtensions: ReadonlySet<string> = new Set(['.json', '.jinja', '.txt', '.model']);

/**
 * Writes a new model folder whose weights have the adapter in them, for use without one.
 *
 *   W′ = W + scaling · B A, rounded once to the weight's type
 *
 * The folder gets its name when it is complete. Graphs stay as they are but for the weights; a model with
 * external data has one data file for each graph afterwards.
 *
 * @throws {VlmError} `unsupported` for quantized weights; `adapter` if it does not fit; `invalid-argument` if
 * the output folder exists; `model-file` if a file cannot be read or written.
 */
export async function writeMergedFolder(options: MergedFolderOptions): Promise<void> {
  const { adapter, graphs, subfolder, signal } = options;
  const output = resolve(options.outputFolder);
  signal?.throwIfAborted();
  const merged = mergeGraphs(graphs, adapter);
  const temporary = `${output}.${process.pid}.tmp`;
  try {
    await refuseExisting(output);
    await mkdir(dirname(output), { recursive: true });
    await mkdir(join(temporary, subfolder), { recursive: true });
    await copySettings(options.modelFolder, temporary, graphs);
    for (const [file, model] of merged) {
      signal?.throwIfAborted();
      const hasDataFile = model.graph.initializers.some(({ data }) => data.kind === 'external');
      writeModel(model, join(temporary, subfolder, file), {
        weights: hasDataFile ? 'copy' : 'inline',
      });
    }
    await rename(temporary, output);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw asVlmError(cause, output, signal);
  }
}

/** Everything is checked before anything is written. */
function mergeGraphs(graphs: readonly MergeGraph[], adapter: Adapter): Map<string, OnnxModel> {
  const modules = modulesOf(adapter.matrices.keys());
  const targets = matchTargets(modules, adapter.config);
  const known = new Set(graphs.flatMap(({ nodes }) => nodes.map(({ module }) => module)));
  for (const module of modules) {
    if (known.has(module)) continue;
    throw new VlmError(
      'adapter',
      `The adapter changes ${module}, and no graph of the model has such a layer: it was made for another one.`,
    );
  }
  return new Map(
    graphs.map(({ path, nodes }) => {
      const here = new Set(nodes.map(({ module }) => module));
      const own = targets.filter(({ module }) => here.has(module));
      const model = readGraph(path);
      return [
        basename(path),
        own.length === 0 ? model : mergeIntoModel(model, nodes, own, adapter),
      ];
    }),
  );
}

function readGraph(path: string): OnnxModel {
  try {
    return readModel(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VlmError('model-file', `Cannot read ${path}: ${reason}`, { cause });
  }
}

async function copySettings(
  from: string,
  to: string,
  graphs: readonly MergeGraph[],
): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const { name } = entry;
    if (entry.isDirectory() || !copiedExtensions.has(extname(name))) continue;
    if (name.endsWith('.index.json')) continue;
    if (name === 'config.json') {
      const text = await readFile(join(from, name), 'utf8');
      await writeFile(
        join(to, name),
        withSingleDataFiles(
          text,
          graphs.map(({ path }) => basename(path)),
        ),
      );
    } else await copyFile(join(from, name), join(to, name));
  }
}

async function refuseExisting(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    throw cause;
  });
  if (entries.length === 0) return;
  throw new VlmError(
    'invalid-argument',
    `\`outputFolder\` must be a new folder, and ${folder} holds ${entries.length} files. Remove it or choose another.`,
  );
}

/** The package's own error where there is one inside: writing wraps what reading threw. */
function asVlmError(cause: unknown, output: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  for (let inner = cause; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof VlmError) return inner;
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new VlmError('model-file', `Cannot write the merged model to ${output}: ${reason}`, {
    cause,
  });
}
