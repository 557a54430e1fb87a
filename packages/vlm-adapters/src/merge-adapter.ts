import { fileURLToPath } from 'node:url';
import { chooseBranches, readModel } from '@iapo/onnx-autograd';
import { folderFiles } from './encode/model-files.js';
import { PromptProcessor } from './encode/prompt-processor.js';
import { textModules } from './engine/linear-modules.js';
import { VlmError } from './errors.js';
import type { ModelFamily } from './families/family.js';
import { type Dtype, findGraphFiles, type GraphName } from './load/graph-files.js';
import { type Adapter, fitAdapter, readAdapter, writeMergedFolder } from './lora/index.js';

export interface MergeAdapterOptions {
  /** Folder of the model that the adapter was trained on. */
  readonly model: string | URL;
  /** An adapter, such as `OnnxVlm.adapter`, or the folder of its files. */
  readonly adapter: Adapter | string;
  /** A folder that does not exist yet. */
  readonly outputFolder: string;
  /** Number format of the graphs: `fp32` or `fp16` for the decoder. Default `'fp32'`. */
  readonly dtype?: Dtype | Partial<Record<GraphName, Dtype>>;
  /** Folder of the graphs inside the model's, and of the merged ones. Default `'onnx'`. */
  readonly subfolder?: string;
  /** Families to choose from. Default: `modelFamilies`. */
  readonly families?: Readonly<Record<string, ModelFamily>>;
  readonly signal?: AbortSignal;
}

/**
 * Writes a model with an adapter in its weights to a new folder, for use without adapter: here, in transformers.js,
 * or to quantize.
 *
 *   W′ = W + scaling · B A, rounded once to the weight's type
 *
 * Weights are read, changed and written piece by piece, so that a model of any size takes little memory. The folder
 * holds the graphs of one number format and gets its name when it is complete.
 *
 * @throws {VlmError} `unsupported` for quantized weights; `adapter` if it does not fit; `invalid-argument` if the
 * output folder exists; `not-finite` if a merged number does not fit into float16; `model-file`.
 */
export async function mergeAdapter(options: MergeAdapterOptions): Promise<void> {
  const { subfolder = 'onnx', dtype = 'fp32', families, outputFolder, signal } = options;
  const modelFolder = options.model instanceof URL ? fileURLToPath(options.model) : options.model;
  const given =
    typeof options.adapter === 'string' ? await readAdapter(options.adapter) : options.adapter;
  const { family } = await PromptProcessor.load(
    folderFiles(modelFolder),
    families === undefined ? {} : { families },
  );
  const paths = await findGraphFiles(modelFolder, subfolder, dtype);
  const nodes = textModules(decoderAt(paths.decoder_model_merged), family.modules);
  await writeMergedFolder({
    ...{ modelFolder, subfolder, outputFolder, signal },
    adapter: fitAdapter(given, nodes),
    graphs: [
      { path: paths.decoder_model_merged, nodes },
      { path: paths.embed_tokens, nodes: [] },
      { path: paths.vision_encoder, nodes: [] },
    ],
  });
}

function decoderAt(path: string): ReturnType<typeof readModel> {
  try {
    return chooseBranches(readModel(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VlmError('model-file', `Cannot read ${path}: ${reason}`, { cause });
  }
}
