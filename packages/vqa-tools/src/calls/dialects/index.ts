import type { ToolCallDialect } from '../types.js';
import { hermes } from './hermes.js';
import { json } from './json.js';
import { openai } from './openai.js';
import { vtoolPython } from './vtool-python.js';

/** The name of a built-in dialect. */
export type ToolCallDialectName = 'hermes' | 'json' | 'openai' | 'vtool-python';

/** The built-in dialects by name. Adding one: a file and a line here. */
export const toolCallDialects: Readonly<Record<ToolCallDialectName, ToolCallDialect>> = {
  hermes,
  json,
  openai,
  'vtool-python': vtoolPython,
};
