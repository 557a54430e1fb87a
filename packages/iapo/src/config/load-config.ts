import { dirname, isAbsolute, resolve } from 'node:path';
import { loadConfig as loadWithC12 } from 'c12';
import { IapoError, messageOf } from '../errors.js';
import type { IapoConfig } from './iapo-config.js';
import { parseConfig } from './parse-config.js';
import { setOption } from './set-option.js';

export interface LoadConfigOptions {
  /** A file; default `iapo.config.{ts,js,mjs,yaml,yml,json,…}` in `folder`. */
  readonly file?: string;
  /** Default: the working directory. */
  readonly folder?: string;
  /** Assignments such as `reward.lambda=0.3`, later ones on top. */
  readonly set?: readonly string[];
}

export interface LoadedConfig {
  readonly config: IapoConfig;
  readonly file: string;
  /** Paths in the configuration are relative to this. */
  readonly folder: string;
}

/**
 * Loads and checks a configuration.
 *
 * @throws {IapoError} `config-not-found`, `config-invalid`.
 */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<LoadedConfig> {
  const cwd = resolve(options.folder ?? '.');
  const named = options.file === undefined ? null : resolve(cwd, options.file);
  const loaded = await loadWithC12<Record<string, unknown>>({
    name: 'iapo',
    cwd: named === null ? cwd : dirname(named),
    ...(named === null ? {} : { configFile: named }),
    // Only the named file counts: nothing from home folders, package.json or the network.
    rcFile: false,
    globalRc: false,
    packageJson: false,
    dotenv: false,
    giget: false,
    configFileRequired: true,
  }).catch((cause: unknown) => {
    const isMissing = /Required config|ENOENT|no such file/i.test(messageOf(cause));
    throw new IapoError(
      isMissing ? 'config-not-found' : 'config-invalid',
      isMissing
        ? `There is no configuration ${named ?? `iapo.config.ts, .yaml or .json in ${cwd}`}. Make one with \`iapo init\`, or name it with \`--config\`.`
        : `Cannot load ${named ?? `the configuration in ${cwd}`}: ${messageOf(cause)}`,
      { cause },
    );
  });
  const file = loaded.configFile ?? named ?? cwd;
  const raw = (options.set ?? []).reduce<Record<string, unknown>>(setOption, loaded.config);
  return { config: parseConfig(raw, file), file, folder: isAbsolute(file) ? dirname(file) : cwd };
}
