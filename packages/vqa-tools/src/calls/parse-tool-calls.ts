import { VqaToolError } from '../errors.js';
import { visualTools } from '../tools/index.js';
import type { ToolTable } from '../tools/visual-tool.js';
import { type ToolCallDialectName, toolCallDialects } from './dialects/index.js';
import type {
  DialectReading,
  ParsedToolCalls,
  ParseFailure,
  ParseLimits,
  ToolCall,
  ToolCallDialect,
} from './types.js';

/** Options of {@link parseToolCalls}. */
export interface ParseOptions extends Partial<ParseLimits> {
  /** How the model writes calls: a built-in dialect or one's own. Default `hermes`. */
  readonly dialect?: ToolCallDialectName | ToolCallDialect;
  /** Whether small mistakes are put right and reported in `repairs`. Default false. */
  readonly lenient?: boolean;
  /** Tools to check names and arguments against; null for no check. Default {@link visualTools}. */
  readonly tools?: ToolTable | null;
}

/**
 * Reads the tool calls in a model's output. Never throws for any output, never runs anything, and
 * takes time linear in the text, which is bounded in length, depth and number of calls.
 *
 * @param text The model's output; for the `openai` dialect also the message as an object.
 * @returns The calls with the places of their parts, or a classified failure with its place.
 * @throws {VqaToolError} `unknown-format` for an unknown dialect: a mistake of the program's.
 * @example
 * parseToolCalls('<tool_call>{"name": "flip", "arguments": {"direction": "vertical"}}</tool_call>').ok; // => true
 */
export function parseToolCalls(text: unknown, options: ParseOptions = {}): ParsedToolCalls {
  const { lenient = false, tools = visualTools } = options;
  const dialect = findDialect(options.dialect ?? 'hermes');
  const limits: ParseLimits = {
    maxLength: options.maxLength ?? 32_768,
    maxDepth: options.maxDepth ?? 16,
    maxCalls: options.maxCalls ?? dialect.maxCalls,
  };
  const source = typeof text === 'string' ? text : (JSON.stringify(text) ?? '');
  if (source.length > limits.maxLength) {
    const message = `the text has ${source.length} characters, more than ${limits.maxLength}`;
    const span = { start: limits.maxLength, end: source.length };
    return {
      ok: false,
      calls: [],
      failure: { kind: 'too-large', message, span },
      repairs: [],
      display: null,
      text: source,
    };
  }
  const reading = dialect.read(source, { lenient, limits, tools });
  const failure = firstFailure(reading, { limits, tools, length: source.length });
  return {
    ok: failure === null,
    calls: reading.calls.slice(0, limits.maxCalls),
    failure,
    repairs: reading.repairs,
    display: reading.display ?? null,
    text: source,
  };
}

function findDialect(dialect: ToolCallDialectName | ToolCallDialect): ToolCallDialect {
  if (typeof dialect === 'object') return dialect;
  if (Object.hasOwn(toolCallDialects, dialect)) return toolCallDialects[dialect];
  throw new VqaToolError(
    'unknown-format',
    `Unknown dialect "${String(dialect)}". Known: ${Object.keys(toolCallDialects).join(', ')}.`,
  );
}

function firstFailure(
  reading: DialectReading,
  { limits, tools, length }: { limits: ParseLimits; tools: ToolTable | null; length: number },
): ParseFailure | null {
  if (reading.failure !== null) {
    const { kind, message, span } = reading.failure;
    // A fault at the end of the text has no character of its own.
    const end = Math.min(span.end, length);
    return { kind, message, span: { start: Math.min(span.start, end), end } };
  }
  const excess = reading.calls[limits.maxCalls];
  if (excess !== undefined) {
    const message = `more than ${limits.maxCalls} call${limits.maxCalls === 1 ? '' : 's'}`;
    return { kind: 'several-calls', message, span: excess.spans.call };
  }
  if (tools === null) return null;
  for (const call of reading.calls) {
    const failure = checkCall(call, tools);
    if (failure !== null) return failure;
  }
  return null;
}

function checkCall(call: ToolCall, tools: ToolTable): ParseFailure | null {
  const tool = Object.hasOwn(tools, call.name) ? tools[call.name] : undefined;
  if (tool === undefined) {
    return {
      kind: 'unknown-tool',
      message: `there is no tool "${call.name.slice(0, 100)}"`,
      span: call.spans.name,
    };
  }
  const check = tool.check(call.arguments);
  if (check.ok) return null;
  const at = call.spans.arguments.findLast(({ argument }) => argument === check.argument);
  return { kind: 'bad-arguments', message: check.message, span: at?.value ?? call.spans.call };
}
