import { access } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { readModel } from '@iapo/onnx-autograd';
import { VlmError } from '../errors.js';
import { type DownloadProgress, fetchFile } from './fetch-file.js';
import { type Dtype, type GraphName, graphCandidates } from './graph-files.js';

export interface FetchModelOptions {
  readonly id: string;
  /** Where files are kept. */
  readonly folder: string;
  /** Address of the model's files; `null` to refuse every request. */
  readonly baseUrl: string | null;
  readonly token: string | null;
  readonly subfolder: string;
  readonly dtype: Dtype | Partial<Record<GraphName, Dtype>>;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
}

const required = ['config.json', 'tokenizer.json'];
const optional = [
  'generation_config.json',
  'tokenizer_config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'chat_template.jinja',
  'chat_template.json',
];

/**
 * Makes sure that a model's files are in a folder; those that are there are not asked for again.
 *
 * What the hub does not have of the optional files is remembered nowhere: they are asked for once a call.
 *
 * @throws {VlmError} `download` if a file is missing and cannot be fetched.
 */
export async function fetchModel(options: FetchModelOptions): Promise<void> {
  const hasAll = await Promise.all(required.map((name) => exists(join(options.folder, name))));
  const isNew = hasAll.includes(false);
  for (const name of required) await need(name, options);
  // A model whose main files are there was fetched before, with those optional ones that it has.
  if (isNew) for (const name of optional) await want(name, options);
  const graphs: readonly GraphName[] = ['embed_tokens', 'vision_encoder', 'decoder_model_merged'];
  for (const graph of graphs) {
    const file = await firstOf(graphCandidates(graph, options.subfolder, options.dtype), options);
    for (const data of externalFiles(join(options.folder, file)))
      await need(posix.join(posix.dirname(file), data), options);
  }
}

async function need(name: string, options: FetchModelOptions): Promise<void> {
  if (!(await want(name, options))) throw missing(name, options);
}

/** The first of several files that is there or can be fetched. */
async function firstOf(names: readonly string[], options: FetchModelOptions): Promise<string> {
  for (const name of names) if (await exists(join(options.folder, name))) return name;
  for (const name of names) if (await want(name, options)) return name;
  throw missing(names.join(' or '), options);
}

/** Whether the file is there now. */
async function want(name: string, options: FetchModelOptions): Promise<boolean> {
  const { folder, baseUrl, token, onProgress, signal } = options;
  const path = join(folder, name);
  if (await exists(path)) return true;
  if (baseUrl === null) return false;
  const url = new URL(name, baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`);
  return fetchFile(url, path, {
    token,
    signal,
    onProgress: (loaded, total) => onProgress?.({ file: name, loaded, total }),
  });
}

/** Names of the data files that a graph refers to; they lie beside it. */
function externalFiles(path: string): string[] {
  const names = new Set<string>();
  for (const { data } of readModel(path).graph.initializers) {
    if (data.kind !== 'external') continue;
    if (!/^[\w.-]+$/.test(data.location) || /^\.+$/.test(data.location)) {
      throw new VlmError(
        'model-file',
        `The graph ${path} keeps weights in "${data.location}", expected a file beside it.`,
      );
    }
    names.add(data.location);
  }
  return [...names];
}

function missing(name: string, { id, folder, baseUrl }: FetchModelOptions): VlmError {
  return new VlmError(
    'download',
    baseUrl === null
      ? `${name} of ${id} is not in ${dirname(join(folder, 'x'))}, and requests are switched off (HF_HUB_OFFLINE, \`localFilesOnly\`): fetch the model once while they are allowed.`
      : `The hub has no ${name} of ${id}: check \`dtype\`, \`subfolder\` and \`revision\`, and that the model has ONNX files in transformers.js's layout.`,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
