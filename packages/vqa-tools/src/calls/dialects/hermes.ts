import { SyntaxFault } from '../../python/tokens.js';
import { callFromNode, malformed } from '../json-call.js';
import { JsonReader } from '../json-reader.js';
import type { DialectReading, Repair, ToolCall, ToolCallDialect } from '../types.js';
import { json } from './json.js';

const OPEN = '<tool_call>';
const CLOSE = '</tool_call>';

/** `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, as Qwen and Hermes models write it. */
export const hermes: ToolCallDialect = {
  name: 'hermes',
  maxCalls: 1,
  read(text, context): DialectReading {
    const { lenient, limits } = context;
    const calls: ToolCall[] = [];
    const repairs: Repair[] = [];
    let at = text.indexOf(OPEN);
    if (at === -1) {
      const bare = lenient ? json.read(text, context) : null;
      if (bare !== null && bare.calls.length > 0) {
        const span = { start: 0, end: text.length };
        return { ...bare, repairs: [{ kind: 'missing-tag', span }, ...bare.repairs] };
      }
      const span = { start: 0, end: text.length };
      return {
        calls,
        repairs,
        failure: { kind: 'no-call', message: `no ${OPEN} in the text`, span },
      };
    }
    try {
      while (at !== -1 && calls.length <= limits.maxCalls) {
        const reader = new JsonReader(text, {
          start: at + OPEN.length,
          lenient,
          maxDepth: limits.maxDepth,
        });
        const node = reader.read();
        reader.skipSpace();
        repairs.push(...reader.repairs);
        calls.push(callFromNode(node, { lenient, maxDepth: limits.maxDepth, repairs, text }));
        let end = reader.position;
        if (text.startsWith(CLOSE, end)) end += CLOSE.length;
        else if (lenient && (end === text.length || text.startsWith('<', end))) {
          repairs.push({ kind: 'missing-tag', span: { start: end, end } });
        } else throw new SyntaxFault(`expected ${CLOSE}`, end, Math.min(text.length, end + 1));
        at = text.indexOf(OPEN, end);
      }
    } catch (fault) {
      return { calls, repairs, failure: malformed(fault) };
    }
    return { calls, repairs, failure: null };
  },
};
