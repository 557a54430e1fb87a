import { VlmError } from '../errors.js';
import { type JsonObject, type ModelFiles, readJson } from './model-files.js';

/**
 * Finds the chat template where transformers looks for it: `chat_template.jinja`, `chat_template.json`, then the
 * settings of processor and tokenizer.
 *
 * @throws {VlmError} `model-file` if there is none.
 */
export async function findChatTemplate(
  files: ModelFiles,
  settings: readonly JsonObject[],
): Promise<string> {
  const jinja = await files.read('chat_template.jinja');
  if (jinja !== null) return Buffer.from(jinja).toString('utf8');
  const json = await readJson(files, 'chat_template.json');
  for (const candidate of [json, ...settings]) {
    const template = chosenTemplate(candidate?.['chat_template']);
    if (template !== undefined) return template;
  }
  throw new VlmError(
    'model-file',
    `${files.id} has no chat template: add "chat_template.jinja", as instruction-tuned models have it.`,
  );
}

/** One template, or the default one of several with names. */
function chosenTemplate(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const templates: readonly unknown[] = value;
  for (const entry of templates) {
    if (typeof entry !== 'object' || entry === null) continue;
    const { name, template } = Object.fromEntries(Object.entries(entry));
    if (name === 'default' && typeof template === 'string') return template;
  }
  return undefined;
}

/** Special tokens that templates know by name: `bos_token`, `image_token`, … */
export function namedTokens(tokenizerConfig: JsonObject): Map<string, string> {
  const named = new Map<string, string>();
  for (const [name, value] of Object.entries(tokenizerConfig)) {
    if (!name.endsWith('_token')) continue;
    const content: unknown =
      typeof value === 'object' && value !== null ? Reflect.get(value, 'content') : value;
    if (typeof content === 'string') named.set(name, content);
  }
  return named;
}
