import type { ToolCallDialect } from '../types.js';
import { hermes } from './hermes.js';
import { json } from './json.js';
import { openai } from './openai.js';
import { vtoolPython } from './vtool-python.js';

/** The built-in dialects by name. Adding one: a file and a line here. */
export const toolCallDialects = {
  hermes,
  json,
  openai,
  'vtool-python': vtoolPython,
} satisfies Readonly<Record<string, ToolCallDialect>>;

/** The name of a built-in dialect. */
export type ToolCallDialectName = keyof typeof toolCallDialects;
