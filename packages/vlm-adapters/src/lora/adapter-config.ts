import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { VlmError } from '../errors.js';
import { quote } from './safetensors-header.js';
import type { AdapterConfig } from './types.js';

/** A configuration is some kilobytes; with explicit module names of a large model, some hundred. */
const maximumBytes = 16 * 1024 * 1024;

const rankValues = z.record(z.string(), z.number().int().min(1));
const alphaValues = z.record(z.string(), z.number());
const names = z.array(z.string());

const schema = z.looseObject({
  peft_type: z.literal('LORA'),
  r: z.number().int().min(1),
  lora_alpha: z.number(),
  target_modules: z.union([names.min(1), z.string().min(1)]),
  use_rslora: z.boolean().nullish(),
  rank_pattern: rankValues.nullish(),
  alpha_pattern: alphaValues.nullish(),
  exclude_modules: z.union([names, z.string()]).nullish(),
  layers_to_transform: z.union([z.array(z.number().int()), z.number().int()]).nullish(),
  layers_pattern: z.union([names, z.string()]).nullish(),
  base_model_name_or_path: z.string().nullish(),
});

/** Ways of initializing that leave the base model's weights as they are. */
const harmlessInitializations: ReadonlySet<unknown> = new Set([
  undefined,
  null,
  true,
  false,
  'gaussian',
  'eva',
  'orthogonal',
]);

/** Settings under which the branches would compute something else than B·A, and what to say of them. */
const unsupported: readonly (readonly [key: string, isUsed: (value: unknown) => boolean])[] = [
  ['use_dora', Boolean],
  ['use_qalora', Boolean],
  ['use_bdlora', Boolean],
  ['lora_bias', Boolean],
  ['bias', (value) => value !== undefined && value !== null && value !== 'none'],
  ['modules_to_save', isNotEmpty],
  ['target_parameters', isNotEmpty],
  ['trainable_token_indices', isNotEmpty],
  ['layer_replication', isNotEmpty],
  ['alora_invocation_tokens', isNotEmpty],
  ['arrow_config', isNotEmpty],
  ['kasa_config', isNotEmpty],
  ['monteclora_config', isNotEmpty],
  ['init_lora_weights', (value) => !harmlessInitializations.has(value)],
];

function isNotEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== false;
}

/**
 * Reads `adapter_config.json`.
 *
 * @throws {VlmError} `adapter` if it is missing, broken, no LoRA, or uses what is not built here (DoRA, biases,
 * saved modules, initializations that change the base model's weights).
 */
export async function readAdapterConfig(path: string): Promise<AdapterConfig> {
  let text: string;
  try {
    const stats = await stat(path);
    if (!stats.isFile() || stats.size > maximumBytes) {
      throw new Error(`it is not a file of at most ${maximumBytes} bytes`);
    }
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VlmError('adapter', `Cannot read ${path}: ${reason}.`, { cause });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new VlmError('adapter', `${path} is not JSON.`, { cause });
  }
  return parseAdapterConfig(json, path);
}

/** Checks what `adapter_config.json` holds. @throws {VlmError} `adapter`. */
export function parseAdapterConfig(json: unknown, path = 'adapter_config.json'): AdapterConfig {
  const result = schema.safeParse(json);
  if (!result.success) {
    throw new VlmError(
      'adapter',
      `${path} is no configuration of a LoRA adapter: ${z.prettifyError(result.error)}`,
      { cause: result.error },
    );
  }
  const { data } = result;
  for (const [key, isUsed] of unsupported) {
    if (isUsed(data[key])) {
      throw new VlmError(
        'adapter',
        `${path} sets ${key} to ${quote(data[key])}, which is not built here. Merge the adapter in PEFT (merge_and_unload), or convert it to a plain LoRA.`,
      );
    }
  }
  const other = Object.fromEntries(
    Object.entries(data).filter(([key]) => !Object.hasOwn(schema.shape, key)),
  );
  return {
    r: data.r,
    alpha: data.lora_alpha,
    targetModules: data.target_modules,
    rsLora: data.use_rslora ?? false,
    rankPattern: data.rank_pattern ?? {},
    alphaPattern: data.alpha_pattern ?? {},
    excludeModules: data.exclude_modules ?? null,
    layersToTransform: data.layers_to_transform ?? null,
    layersPattern: data.layers_pattern ?? null,
    baseModel: data.base_model_name_or_path ?? null,
    other,
  };
}

/** What PEFT writes of a plain LoRA besides what {@link AdapterConfig} names. */
const defaults: Readonly<Record<string, unknown>> = {
  auto_mapping: null,
  bias: 'none',
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  lora_dropout: 0,
  modules_to_save: null,
  revision: null,
  task_type: 'CAUSAL_LM',
  use_dora: false,
};

/** The text of `adapter_config.json`, keys in order. */
export function adapterConfigText(config: AdapterConfig): string {
  const fields: Record<string, unknown> = {
    ...defaults,
    ...config.other,
    peft_type: 'LORA',
    r: config.r,
    lora_alpha: config.alpha,
    target_modules: config.targetModules,
    use_rslora: config.rsLora,
    rank_pattern: config.rankPattern,
    alpha_pattern: config.alphaPattern,
    exclude_modules: config.excludeModules,
    layers_to_transform: config.layersToTransform,
    layers_pattern: config.layersPattern,
    base_model_name_or_path: config.baseModel,
  };
  const sorted = Object.fromEntries(
    Object.keys(fields)
      .sort()
      .map((key) => [key, fields[key]]),
  );
  return `${JSON.stringify(sorted, null, 2)}\n`;
}
