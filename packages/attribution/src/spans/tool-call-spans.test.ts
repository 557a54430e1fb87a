import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AttributionInput } from '../input.js';
import { resolveTokenWeights, type TokenWeights } from './token-weights.js';
import { findCallSpans } from './tool-call-spans.js';

const parts = (text: string, part: string): string[] =>
  findCallSpans(text)
    .filter((span) => span.part === part)
    .map(({ start, end }) => text.slice(start, end));

describe('findCallSpans', () => {
  const hermes =
    '<tool_call>\n{"name": "focus_on_columns", "arguments": {"columns": ["A", "B"], "reason": "tall \\"bar\\"", "n": 3}}\n</tool_call>';
  test('reads name, argument names and values of a Hermes call', () => {
    expect(parts(hermes, 'toolName')).toEqual(['focus_on_columns']);
    expect(parts(hermes, 'argumentNames')).toEqual(['columns', 'reason', 'n']);
    expect(parts(hermes, 'argumentValues')).toEqual(['["A", "B"]', 'tall \\"bar\\"', '3']);
    expect(parts(hermes, 'template')[0]).toBe('<tool_call>\n{"name": "');
  });
  test('reads the OpenAI form with the call one level down', () => {
    const text =
      '{"type": "function", "function": {"name": "zoom", "arguments": {"box": {"x": [1, 2], "label": "}"}}}}';
    expect(parts(text, 'toolName')).toEqual(['zoom']);
    expect(parts(text, 'argumentNames')).toEqual(['box']);
    expect(parts(text, 'argumentValues')).toEqual(['{"x": [1, 2], "label": "}"}']);
  });
  test('reads two calls, arguments before the name, and parameters', () => {
    const text = '[{"arguments": {"a": true}, "name": "f"}, {"name": "g", "parameters": {}}]';
    expect(parts(text, 'toolName')).toEqual(['f', 'g']);
    expect(parts(text, 'argumentValues')).toEqual(['true']);
  });
  test('reads a call that was cut off', () => {
    const text = '{"name": "zoom", "arguments": {"box": [1, 2';
    expect(parts(text, 'toolName')).toEqual(['zoom']);
    expect(parts(text, 'argumentNames')).toEqual(['box']);
    expect(parts(text, 'argumentValues')).toEqual(['[1, 2']);
  });
  test('text without a call is template', () => {
    expect(findCallSpans('The highest bar is C.')).toEqual([
      { part: 'template', start: 0, end: 21 },
    ]);
    expect(findCallSpans('')).toEqual([]);
  });
  test('covers any text without gap or overlap, in linear time', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom(
            '{',
            '}',
            '"',
            ':',
            ',',
            '[',
            ']',
            '\\',
            'name',
            'arguments',
            ' ',
            'x',
          ),
          maxLength: 60,
        }),
        (text) => {
          let end = 0;
          for (const span of findCallSpans(text)) {
            expect(span.start).toBe(end);
            expect(span.end).toBeGreaterThan(span.start);
            end = span.end;
          }
          expect(end).toBe(text.length);
        },
      ),
      { seed: 3, numRuns: 500 },
    );
    findCallSpans('{"a":'.repeat(2000));
  });
});

describe('token weights', () => {
  const completionTokens = [
    '<tool_call>',
    '{"',
    'name',
    '": "zo',
    'om", "',
    'arguments',
    '": {"',
    'box',
    '": [',
    '1',
    ']}}',
  ];
  const input: AttributionInput = {
    prompt: null,
    completion: completionTokens.map((_, id) => id),
    completionTokens,
    blocks: ['P'],
  };
  const kept = (choice: TokenWeights): string[] =>
    completionTokens.filter((_, token) => resolveTokenWeights(input, choice)[token] === 1);

  test('of spans: a token counts when any of its characters does', () => {
    expect(kept('toolName')).toEqual(['": "zo', 'om", "']);
    expect(kept('argumentNames')).toEqual(['box']);
    expect(kept('argumentValues')).toEqual(['": [', '1', ']}}']);
    expect(kept(['toolName', 'argumentNames'])).toEqual(['": "zo', 'om", "', 'box']);
    expect(kept('noTemplate')).toEqual(['": "zo', 'om", "', 'box', '": [', '1', ']}}']);
    expect(kept('all')).toHaveLength(completionTokens.length);
  });
  test('a span that the call lacks is refused', () => {
    const plain = { ...input, completion: [1], completionTokens: ['no call'] };
    expect(() => resolveTokenWeights(plain, 'toolName')).toThrow(
      /\(toolName\) leave no completion token/,
    );
  });
});
