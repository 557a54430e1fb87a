import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VlmError } from '../errors.js';
import type { DownloadProgress } from './fetch-file.js';
import { fetchModel } from './fetch-model.js';
import type { Dtype, GraphName } from './graph-files.js';

export interface LocateOptions {
  readonly subfolder: string;
  readonly dtype: Dtype | Partial<Record<GraphName, Dtype>>;
  /** Branch, tag or commit on the hub. Default `'main'`. */
  readonly revision?: string;
  /** Folder of fetched models. Default: that of transformers.js (`env.cacheDir`). */
  readonly cacheDir?: string;
  /** Refuse every request, as with `HF_HUB_OFFLINE=1`. Default false. */
  readonly localFilesOnly?: boolean;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
}

export interface ModelLocation {
  readonly folder: string;
  /** The folder's name, or the model's on the hub. */
  readonly id: string;
  /** The model's name on the hub; `null` for a folder. */
  readonly hubName: string | null;
}

/**
 * Finds a model: a local folder, else a model of the hub, whose files are looked up in transformers.js's cache and
 * fetched there if they are missing.
 *
 * @throws {VlmError} `model-file` if there is no such folder and the name can be none of the hub; `download`.
 */
export async function locateModel(
  idOrFolder: string | URL,
  options: LocateOptions,
): Promise<ModelLocation> {
  const given = idOrFolder instanceof URL ? fileURLToPath(idOrFolder) : idOrFolder;
  const folder = resolve(given);
  if (await isFolder(folder))
    return { folder, id: folder.split(/[\\/]/).at(-1) ?? folder, hubName: null };
  if (idOrFolder instanceof URL || !isHubName(given)) {
    throw new VlmError(
      'model-file',
      `${folder} is no folder, and "${given}" is no model's name on the hub, such as "owner/model".`,
    );
  }
  // Only now: a local folder needs nothing of transformers.js, which takes a while to load.
  const { env } = await import('@huggingface/transformers');
  if (env.localModelPath && (await isFolder(join(env.localModelPath, given))))
    return { folder: join(env.localModelPath, given), id: given, hubName: given };
  const cache = options.cacheDir ?? env.cacheDir;
  if (!cache) {
    throw new VlmError(
      'download',
      `There is no folder to keep ${given} in: give \`cacheDir\`, or set transformers.js's \`env.cacheDir\`.`,
    );
  }
  const revision = options.revision ?? 'main';
  const target = join(cache, given, revision === 'main' ? '' : revision);
  const isOffline =
    options.localFilesOnly === true ||
    isSet(process.env['HF_HUB_OFFLINE']) ||
    !env.allowRemoteModels;
  try {
    await fetchModel({
      ...options,
      id: given,
      folder: target,
      baseUrl: isOffline
        ? null
        : `${env.remoteHost}${env.remotePathTemplate
            .replaceAll('{model}', given)
            .replaceAll('{revision}', encodeURIComponent(revision))}`,
      token: process.env['HF_TOKEN'] ?? null,
    });
  } catch (error) {
    if (!(error instanceof VlmError)) throw error;
    // A mistyped path looks like a name on the hub.
    throw new VlmError(error.code, `There is no folder ${folder}. ${error.message}`, {
      cause: error.cause ?? error,
    });
  }
  return { folder: target, id: given, hubName: given };
}

/** As the hub allows: one or two parts of letters, digits, `-`, `_` and `.`, none of them only dots. */
function isHubName(name: string): boolean {
  return /^(?!\.+(?:\/|$))[\w.-]{1,96}(?:\/(?!\.+$)[\w.-]{1,96})?$/.test(name);
}

const isSet = (value: string | undefined): boolean =>
  value !== undefined && /^(?:1|true|yes|on)$/i.test(value);

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
