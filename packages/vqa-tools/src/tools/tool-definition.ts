import { VqaToolError } from '../errors.js';
import type { JsonSchema } from '../schema/standard-schema.js';
import type { ToolTable, VisualTool } from './visual-tool.js';

/** A tool in the function-calling form of the OpenAI API and of Hermes-style chat templates. */
export interface ToolDefinition {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description: string;
    readonly parameters: JsonSchema;
  };
}

/** The definition of one tool, as it goes into a prompt. */
export function toolDefinition(tool: VisualTool): ToolDefinition {
  const { name, description, parameters } = tool;
  return { type: 'function', function: { name, description, parameters } };
}

/**
 * The definitions of the named tools, or of all. All twenty built-in ones together are about
 * 6,000 characters (some 1,700 tokens), one focus tool about 310.
 *
 * @throws {VqaToolError} `unknown-tool` for a name that is not in the table.
 */
export function toolDefinitions(
  tools: ToolTable,
  names: readonly string[] = Object.keys(tools),
): readonly ToolDefinition[] {
  return names.map((name) => toolDefinition(findTool(tools, name)));
}

/** @throws {VqaToolError} `unknown-tool`, with the known names. */
export function findTool(tools: ToolTable, name: string): VisualTool {
  const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
  if (tool === undefined) {
    throw new VqaToolError(
      'unknown-tool',
      `There is no tool "${name}". Known: ${Object.keys(tools).join(', ')}.`,
    );
  }
  return tool;
}
