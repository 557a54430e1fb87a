import { access } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { VlmError } from '../errors.js';

/** Number formats, as transformers.js names them. */
export type Dtype =
  | 'fp32'
  | 'fp16'
  | 'int8'
  | 'uint8'
  | 'q8'
  | 'q4'
  | 'q4f16'
  | 'q2'
  | 'q2f16'
  | 'q1'
  | 'q1f16'
  | 'bnb4';

/** The three graphs of a vision-language model in transformers.js's layout. */
export type GraphName = 'embed_tokens' | 'vision_encoder' | 'decoder_model_merged';

/** What stands between a graph's name and `.onnx`, as in transformers.js (`src/utils/dtypes.js`). */
const suffixes: Readonly<Record<Dtype, string>> = {
  fp32: '',
  fp16: '_fp16',
  int8: '_int8',
  uint8: '_uint8',
  q8: '_quantized',
  q4: '_q4',
  q4f16: '_q4f16',
  q2: '_q2',
  q2f16: '_q2f16',
  q1: '_q1',
  q1f16: '_q1f16',
  bnb4: '_bnb4',
};

export const dtypes: readonly string[] = Object.keys(suffixes);

/** File of a graph inside a subfolder. */
function graphFileName(graph: GraphName, dtype: Dtype): string {
  return `${graph}${suffixes[dtype]}.onnx`;
}

/**
 * Files that can hold a graph, relative to the model's folder, most wanted first. The decoder must be there in the
 * wanted format; the embedding table and the vision encoder may stand in single precision, or in the folder `onnx`,
 * where a repository keeps only one of them.
 */
export function graphCandidates(
  graph: GraphName,
  subfolder: string,
  dtype: Dtype | Partial<Record<GraphName, Dtype>>,
): string[] {
  const own = typeof dtype === 'string' ? dtype : (dtype[graph] ?? 'fp32');
  const exact = posix.join(subfolder, graphFileName(graph, own));
  if (graph === 'decoder_model_merged' || typeof dtype !== 'string') return [exact];
  const single = graphFileName(graph, 'fp32');
  return [...new Set([exact, posix.join(subfolder, single), posix.join('onnx', single)])];
}

/**
 * Paths of a model's graphs.
 *
 * @throws {VlmError} `model-file` with the paths that were tried.
 */
export async function findGraphFiles(
  folder: string,
  subfolder: string,
  dtype: Dtype | Partial<Record<GraphName, Dtype>>,
): Promise<Readonly<Record<GraphName, string>>> {
  const find = async (graph: GraphName): Promise<string> => {
    const tried = graphCandidates(graph, subfolder, dtype).map((file) => join(folder, file));
    for (const path of tried) if (await exists(path)) return path;
    throw new VlmError(
      'model-file',
      `There is no ${graph} graph: ${tried.join(' and ')} ${tried.length > 1 ? 'are' : 'is'} missing. Check \`dtype\` and \`subfolder\`.`,
    );
  };
  return {
    embed_tokens: await find('embed_tokens'),
    vision_encoder: await find('vision_encoder'),
    decoder_model_merged: await find('decoder_model_merged'),
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
