import { messageOf, VqaToolError } from '../errors.js';
import { assertRaster, type Raster } from '../image/raster.js';
import {
  argumentOfIssue,
  type JsonSchema,
  type StandardIssue,
  type StandardResult,
  type StandardSchema,
} from '../schema/standard-schema.js';
import type { ArgumentCheck, ToolContext, ToolResult, VisualTool } from './visual-tool.js';

/** What {@link defineTool} needs. */
export interface ToolSpecification<Arguments> {
  readonly name: string;
  readonly description: string;
  /** Any Standard Schema whose validation is synchronous. */
  readonly inputSchema: StandardSchema<Arguments>;
  /** JSON Schema of the arguments. Needed only where the schema library cannot make one itself. */
  readonly parameters?: JsonSchema;
  /** Names in the order of a positional call. Default: the order of the schema's properties. */
  readonly positional?: readonly string[];
  run(
    image: Raster,
    argumentsValue: Arguments,
    context: ToolContext,
  ): ToolResult | Promise<ToolResult>;
}

/** Tool names that every chat template and function-calling API accepts. */
const TOOL_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/**
 * Makes a tool from a schema and a pure function. The arguments that reach `run` are validated.
 *
 * @throws {VqaToolError} `bad-argument` for a bad name, or where no JSON Schema can be had.
 * @example
 * const invert = defineTool({
 *   name: 'invert', description: 'Invert the colors.', inputSchema: z.object({}),
 *   run: (image) => ({ image: { ...image, data: image.data.map((byte) => 255 - byte) } }),
 * });
 */
export function defineTool<Arguments>(specification: ToolSpecification<Arguments>): VisualTool {
  const { name, description, inputSchema } = specification;
  if (!TOOL_NAME.test(name)) {
    throw new VqaToolError(
      'bad-argument',
      `\`name\` must be a letter or underscore and up to 63 letters, digits or underscores, got "${name}".`,
    );
  }
  const parameters = specification.parameters ?? schemaOf(inputSchema, name);
  const positional = specification.positional ?? propertyNames(parameters);
  const validate = (value: unknown): StandardResult<Arguments> => {
    const result = inputSchema['~standard'].validate(value);
    if (result instanceof Promise) {
      throw new VqaToolError(
        'bad-argument',
        `The schema of tool "${name}" validates asynchronously; give one that does not.`,
      );
    }
    return result;
  };
  return {
    name,
    description,
    inputSchema,
    parameters,
    positional,
    check: (value): ArgumentCheck => {
      const result = validate(value);
      if (result.issues === undefined) return { ok: true, value: result.value };
      return { ok: false, ...describeIssues(result.issues) };
    },
    async run(image, argumentsValue, context = {}): Promise<ToolResult> {
      assertRaster(image);
      context.signal?.throwIfAborted();
      const result = validate(argumentsValue);
      if (result.issues !== undefined) {
        const { message } = describeIssues(result.issues);
        throw new VqaToolError('bad-argument', `Bad arguments for "${name}": ${message}`);
      }
      return await specification.run(image, result.value, context);
    },
  };
}

function schemaOf(inputSchema: StandardSchema, name: string): JsonSchema {
  const convert = inputSchema['~standard'].jsonSchema;
  if (convert === undefined) {
    throw new VqaToolError(
      'bad-argument',
      `The schema library "${inputSchema['~standard'].vendor}" makes no JSON Schema; give \`parameters\` for tool "${name}".`,
    );
  }
  try {
    const { $schema: _dialect, ...schema } = convert.input({ target: 'draft-07' });
    return schema;
  } catch (cause) {
    throw new VqaToolError(
      'bad-argument',
      `Tool "${name}": no JSON Schema for its arguments: ${messageOf(cause)}`,
      { cause },
    );
  }
}

function propertyNames(parameters: JsonSchema): readonly string[] {
  const { properties } = parameters;
  return typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
}

function describeIssues(issues: readonly StandardIssue[]): {
  message: string;
  argument: string | null;
} {
  const named = issues.map((issue) => {
    const argument = argumentOfIssue(issue);
    return { argument, text: argument === null ? issue.message : `${argument}: ${issue.message}` };
  });
  return {
    message: named.map(({ text }) => text).join('; '),
    argument: named[0]?.argument ?? null,
  };
}
