import { SyntaxFault } from '../../python/tokens.js';
import { callFromNode, malformed } from '../json-call.js';
import { type JsonNode, JsonReader } from '../json-reader.js';
import type {
  DialectContext,
  DialectReading,
  Repair,
  ToolCall,
  ToolCallDialect,
} from '../types.js';

/** Lists of calls inside an object, for instance OpenThinkIMG's `{"thought": …, "actions": […]}`. */
const LIST_FIELDS = ['tool_calls', 'actions', 'calls'];
/** Places of the text that lenient reading tries; bounds the work for a text full of braces. */
const MAX_ATTEMPTS = 16;

/**
 * A text that is one JSON call, a list of them, or an object with such a list. Leniently, the
 * first such value in a Markdown fence or in running text.
 */
export const json: ToolCallDialect = {
  name: 'json',
  maxCalls: 1,
  read(text, context): DialectReading {
    const start = text.length - text.trimStart().length;
    if (!context.lenient) {
      const first = text[start];
      return first === '{' || first === '[' ? readWhole(text, start, context) : noCall(text);
    }
    let at = nextBracket(text, 0);
    let failure: DialectReading | null = null;
    for (let attempt = 0; at !== -1 && attempt < MAX_ATTEMPTS; attempt++) {
      const reading = readWhole(text, at, context);
      if (reading.calls.length > 0) return withSurroundings(reading, text, { start, at });
      failure ??= reading;
      at = nextBracket(text, at + 1);
    }
    // A text that only mentions a bracket holds no call; one that starts with it is a broken call.
    return failure !== null && /^(?:```\w*\s*)?[{[]/.test(text.slice(start, start + 40))
      ? failure
      : noCall(text);
  },
};

function readWhole(text: string, at: number, { lenient, limits }: DialectContext): DialectReading {
  const repairs: Repair[] = [];
  const calls: ToolCall[] = [];
  const { maxDepth } = limits;
  try {
    const reader = new JsonReader(text, { start: at, lenient, maxDepth });
    const node = reader.read();
    reader.skipSpace();
    if (!lenient && reader.position < text.length) {
      throw new SyntaxFault('text after the call', reader.position, text.length);
    }
    repairs.push(...reader.repairs);
    for (const item of listOf(node)) {
      calls.push(callFromNode(item, { lenient, maxDepth, repairs, text }));
      if (calls.length > limits.maxCalls) break;
    }
    return { calls, repairs, failure: null };
  } catch (fault) {
    return { calls, repairs, failure: malformed(fault) };
  }
}

function listOf(node: JsonNode): readonly JsonNode[] {
  if (node.type === 'array') {
    if (node.items.length === 0)
      throw new SyntaxFault('an empty list of calls', node.start, node.end);
    return node.items;
  }
  if (node.type !== 'object' || node.entries.some(({ key }) => key === 'name')) return [node];
  const list = node.entries.find(
    ({ key, value }) => LIST_FIELDS.includes(key) && value.type === 'array',
  );
  return list?.value.type === 'array' && list.value.items.length > 0 ? list.value.items : [node];
}

function withSurroundings(
  reading: DialectReading,
  text: string,
  { start, at }: { start: number; at: number },
): DialectReading {
  if (at === start) return reading;
  const before = text.slice(start, at);
  const kind = /^```\w*\s*$/.test(before) ? 'fence' : 'surrounding-text';
  return { ...reading, repairs: [{ kind, span: { start, end: at } }, ...reading.repairs] };
}

function nextBracket(text: string, from: number): number {
  const brace = text.indexOf('{', from);
  const bracket = text.indexOf('[', from);
  if (brace === -1 || bracket === -1) return Math.max(brace, bracket);
  return Math.min(brace, bracket);
}

function noCall(text: string): DialectReading {
  const span = { start: 0, end: text.length };
  return {
    calls: [],
    repairs: [],
    failure: { kind: 'no-call', message: 'the text is no JSON call', span },
  };
}
