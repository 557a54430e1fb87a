import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { encodeModel } from '../codec/encode.js';
import type { OnnxModel } from '../codec/model.js';

/** Options of `createSession`. */
export interface SessionOptions {
  /** Where nodes run, most wanted first. Default `['cpu']`. */
  readonly executionProviders?: readonly string[];
  /**
   * Run in another thread, so that timers, servers and Ctrl-C stay alive while a graph runs. Tensors that are fed
   * are copied to the thread. A thread runs one graph at a time: sessions with `true` share one, and a name gives
   * those that have it a thread of their own, so that they run beside others. Default `false`.
   */
  readonly worker?: boolean | string;
  /** Threads inside one operator. Default: ONNX Runtime's, the number of cores. */
  readonly threads?: number;
  /**
   * Keep weights in their mapped files instead of copying each into the layout of its kernel: all
   * sessions on a model then share them. Costs about 15 % of the speed of float products, and much more for
   * 4-bit ones. Default: `'auto'`, which shares unless the graph multiplies by 4-bit weights.
   */
  readonly shareWeights?: boolean | 'auto';
  /** Plan memory for repeated shapes. Default `false`: the plan holds a second arena beside the first. */
  readonly memoryPattern?: boolean;
  /** Fuse and fold. Default `'all'`. */
  readonly graphOptimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Keep one session for each (graph, options): further calls give the same one. Default `true`. */
  readonly pooled?: boolean;
}

/** A model as ONNX Runtime takes it. */
export interface PreparedModel {
  readonly bytes: Uint8Array;
  readonly options: InferenceSession.SessionOptions;
  /** Path, size and time of each file that holds weights: another file is another session. */
  readonly weightFiles: readonly string[];
}

/**
 * Encodes the graph and translates the options.
 *
 * Weights that lie in files stay there: the bytes refer to them, relative to the model's folder.
 */
export function prepareModel(model: OnnxModel, options: SessionOptions): PreparedModel {
  const quantized = model.graph.nodes.some(({ operator }) => operator === 'MatMulNBits');
  const shareWeights =
    options.shareWeights === undefined || options.shareWeights === 'auto'
      ? !quantized
      : options.shareWeights;
  const { directory } = model;
  const encoded = encodeModel(model, { weights: directory === undefined ? 'inline' : 'external' });
  return {
    bytes: encoded.toBytes(),
    weightFiles: describeWeightFiles(model),
    options: {
      executionProviders: [...(options.executionProviders ?? ['cpu'])],
      graphOptimizationLevel: options.graphOptimization ?? 'all',
      enableMemPattern: options.memoryPattern ?? false,
      // Errors come as exceptions; warnings about symbolic shapes would fill the user's terminal.
      logSeverityLevel: 3,
      ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
      extra: {
        session: {
          ...(shareWeights ? { disable_prepacking: '1' } : {}),
          ...(directory === undefined
            ? {}
            : { model_external_initializers_file_folder_path: directory }),
        },
      },
    },
  };
}

function describeWeightFiles({ graph, directory }: OnnxModel): string[] {
  const paths = new Set<string>();
  for (const { data } of graph.initializers) {
    if (data.kind === 'external') paths.add(resolve(directory ?? '.', data.location));
    if (data.kind === 'raw' && data.range.source.path !== undefined) {
      paths.add(data.range.source.path);
    }
  }
  return [...paths].sort().map((path) => {
    // A file that is missing is ONNX Runtime's to report.
    const file = statSync(path, { throwIfNoEntry: false });
    return `${path} ${file?.size} ${file?.mtimeMs}`;
  });
}
