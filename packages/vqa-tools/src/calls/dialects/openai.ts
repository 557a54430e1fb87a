import { SyntaxFault } from '../../python/tokens.js';
import { malformed, readEmbedded } from '../json-call.js';
import { type JsonEntry, type JsonNode, JsonReader, jsonValue } from '../json-reader.js';
import type { DialectReading, Repair, ToolCall, ToolCallDialect } from '../types.js';

/**
 * Structured calls of the OpenAI chat completions API, as JSON text: a message with `tool_calls`,
 * the list alone, or one call. `function.arguments` is JSON text inside a string; the spans of the
 * arguments point into it.
 */
export const openai: ToolCallDialect = {
  name: 'openai',
  maxCalls: 1,
  read(text, { lenient, limits }): DialectReading {
    const calls: ToolCall[] = [];
    const repairs: Repair[] = [];
    const { maxDepth } = limits;
    try {
      const reader = new JsonReader(text, { lenient: false, maxDepth });
      const node = reader.read();
      reader.skipSpace();
      if (reader.position < text.length) {
        throw new SyntaxFault('text after the message', reader.position, text.length);
      }
      const list = callList(node);
      if (list === null) {
        const span = { start: 0, end: text.length };
        const message = 'the message has no tool_calls';
        return { calls, repairs, failure: { kind: 'no-call', message, span } };
      }
      for (const item of list.slice(0, limits.maxCalls + 1)) {
        calls.push(readCall(item, { lenient, maxDepth, repairs, text }));
      }
      return { calls, repairs, failure: null };
    } catch (fault) {
      return { calls, repairs, failure: malformed(fault) };
    }
  },
};

function callList(node: JsonNode): readonly JsonNode[] | null {
  if (node.type === 'array') return node.items.length > 0 ? node.items : null;
  if (node.type !== 'object') return null;
  const list = entryOf(node, 'tool_calls')?.value;
  if (list?.type === 'array') return list.items.length > 0 ? list.items : null;
  return entryOf(node, 'function') === undefined ? null : [node];
}

function readCall(
  node: JsonNode,
  options: { lenient: boolean; maxDepth: number; repairs: Repair[]; text: string },
): ToolCall {
  const called = entryOf(node, 'function')?.value;
  const name = called && entryOf(called, 'name')?.value;
  const argumentsNode = called && entryOf(called, 'arguments')?.value;
  if (name?.type !== 'string' || argumentsNode?.type !== 'string') {
    throw new SyntaxFault(
      'a call needs function.name and function.arguments, both strings',
      node.start,
      node.end,
    );
  }
  const id = entryOf(node, 'id')?.value;
  const inner = readEmbedded(argumentsNode, options);
  return {
    ...(id?.type === 'string' ? { id: id.value } : {}),
    name: name.value,
    // `readEmbedded` only gives object nodes.
    arguments: jsonValue(inner.node) as Record<string, unknown>,
    spans: {
      call: { start: node.start, end: node.end },
      name: { start: name.start + 1, end: name.end - 1 },
      arguments: inner.entries.map(({ key, keySpan, value }) => ({
        argument: key,
        name: keySpan,
        value: { start: value.start, end: value.end },
      })),
    },
  };
}

function entryOf(node: JsonNode, key: string): JsonEntry | undefined {
  return node.type === 'object' ? node.entries.findLast((entry) => entry.key === key) : undefined;
}
