import { SyntaxFault, type TextSpan } from '../python/tokens.js';
import { type JsonEntry, type JsonNode, JsonReader, jsonValue } from './json-reader.js';
import type { ParseFailure, Repair, ToolCall } from './types.js';

/** How a call object is read. */
export interface JsonCallOptions {
  readonly lenient: boolean;
  readonly maxDepth: number;
  readonly repairs: Repair[];
  /** The text that the node was read from. */
  readonly text: string;
}

const NAME_FIELDS = ['name', 'tool', 'tool_name', 'function'] as const;
const ARGUMENT_FIELDS = ['arguments', 'parameters', 'args', 'input'] as const;

/**
 * Reads `{"name": …, "arguments": {…}}`. Leniently also under other usual field names, with the
 * arguments as JSON text, or without any.
 *
 * @throws {SyntaxFault} With the place of what does not fit.
 */
export function callFromNode(node: JsonNode, options: JsonCallOptions): ToolCall {
  if (node.type !== 'object') {
    throw new SyntaxFault(
      `expected an object with "name" and "arguments", got ${kindOf(node)}`,
      node.start,
      node.end,
    );
  }
  const inner = field(node.entries, ['function'], options, { isRepair: false });
  if (inner?.value.type === 'object') {
    const call = callFromNode(inner.value, options);
    const id = field(node.entries, ['id'], options, { isRepair: false })?.value;
    return {
      ...call,
      ...(id?.type === 'string' ? { id: id.value } : {}),
      spans: { ...call.spans, call: spanOf(node) },
    };
  }
  const name = field(node.entries, NAME_FIELDS, options);
  if (name?.value.type !== 'string') {
    const at = name?.value ?? node;
    throw new SyntaxFault('the call needs a "name" that is a string', at.start, at.end);
  }
  const given = field(node.entries, ARGUMENT_FIELDS, options);
  const argumentsNode = given && argumentsOf(given.value, options);
  if (argumentsNode === undefined && !options.lenient) {
    throw new SyntaxFault('the call needs "arguments" that are an object', node.start, node.end);
  }
  const entries = argumentsNode?.entries ?? [];
  return {
    name: name.value.value,
    arguments: argumentsNode === undefined ? {} : plainObject(argumentsNode.node),
    spans: {
      call: spanOf(node),
      name: insideQuotes(name.value),
      arguments: entries.map(({ key, keySpan, value }) => ({
        argument: key,
        name: keySpan,
        value: spanOf(value),
      })),
    },
  };
}

/** The arguments object, also where it is JSON text inside a string (the OpenAI API's form). */
function argumentsOf(
  node: JsonNode,
  options: JsonCallOptions,
): { node: JsonNode; entries: readonly JsonEntry[] } {
  if (node.type === 'object') return { node, entries: node.entries };
  if (node.type !== 'string') {
    throw new SyntaxFault(
      `"arguments" must be an object, got ${kindOf(node)}`,
      node.start,
      node.end,
    );
  }
  if (!options.lenient) {
    throw new SyntaxFault('"arguments" must be an object, got a string', node.start, node.end);
  }
  options.repairs.push({ kind: 'string-arguments', span: spanOf(node) });
  return readEmbedded(node, options);
}

/**
 * Reads JSON that stands inside a JSON string and moves its spans to the outer text.
 * @throws {SyntaxFault} With the place in the outer text.
 */
export function readEmbedded(
  node: JsonNode & { readonly type: 'string' },
  { text, lenient, maxDepth, repairs }: JsonCallOptions,
): { node: JsonNode; entries: readonly JsonEntry[] } {
  const offsets = decodedOffsets(text.slice(node.start, node.end), node.start);
  const move = ({ start, end }: TextSpan): TextSpan => ({
    start: offsets[Math.min(start, offsets.length - 1)] ?? node.start,
    end: offsets[Math.min(end, offsets.length - 1)] ?? node.end,
  });
  const reader = new JsonReader(node.value, { lenient, maxDepth });
  try {
    const inner = reader.read();
    reader.skipSpace();
    if (reader.position < node.value.length) {
      throw new SyntaxFault('text after the arguments', reader.position, node.value.length);
    }
    if (inner.type !== 'object') {
      throw new SyntaxFault(
        `"arguments" must be an object, got ${kindOf(inner)}`,
        inner.start,
        inner.end,
      );
    }
    repairs.push(...reader.repairs.map((repair) => ({ ...repair, span: move(repair.span) })));
    const entries = inner.entries.map(({ key, keySpan, value }) => ({
      key,
      keySpan: move(keySpan),
      value: { ...value, ...move(value) },
    }));
    return { node: inner, entries };
  } catch (fault) {
    if (!(fault instanceof SyntaxFault)) throw fault;
    const { start, end } = move(fault.span);
    throw new SyntaxFault(fault.message, start, end);
  }
}

/** For each character of a string's value, where it stands in the source; one more for its end. */
function decodedOffsets(source: string, base: number): number[] {
  const offsets: number[] = [];
  let at = 1;
  while (at < source.length - 1) {
    offsets.push(base + at);
    at += source[at] === '\\' ? (source[at + 1] === 'u' ? 6 : 2) : 1;
  }
  offsets.push(base + at);
  return offsets;
}

function field(
  entries: readonly JsonEntry[],
  names: readonly string[],
  { lenient, repairs }: JsonCallOptions,
  { isRepair = true }: { isRepair?: boolean } = {},
): JsonEntry | undefined {
  for (const [index, name] of names.entries()) {
    // The last of repeated keys counts, as in JSON.parse.
    const entry = entries.findLast(({ key }) => key === name);
    if (entry === undefined) continue;
    if (index > 0 && !lenient) return undefined;
    if (index > 0 && isRepair) repairs.push({ kind: 'field-name', span: entry.keySpan });
    return entry;
  }
  return undefined;
}

function plainObject(node: JsonNode): Record<string, unknown> {
  const value = jsonValue(node);
  // `node` is an object node, so its value is a record.
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** A string node's span without its quotes. */
function insideQuotes(node: TextSpan): TextSpan {
  return { start: node.start + 1, end: Math.max(node.start + 1, node.end - 1) };
}

function spanOf({ start, end }: TextSpan): TextSpan {
  return { start, end };
}

function kindOf(node: JsonNode): string {
  if (node.type === 'constant') return String(node.value);
  return node.type === 'array' ? 'a list' : node.type === 'object' ? 'an object' : `a ${node.type}`;
}

/** A failure of the kind `malformed` at a fault's place. Rethrows what is not a fault. */
export function malformed(fault: unknown): ParseFailure {
  if (!(fault instanceof SyntaxFault)) throw fault;
  return { kind: 'malformed', message: fault.message, span: fault.span };
}
