import { expect, it } from 'vitest';
import { parseToolCalls, type ToolCallDialectName, toolCallDialects } from '../src/index.js';
import { leastCpuMs } from './support/cpu-time.js';
import { randomSource } from './support/random.js';

/** By hand: `VQA_FUZZ_CASES=1000000`. */
const CASES = Number(process.env.VQA_FUZZ_CASES ?? 100_000);
const LIMIT_MS = 50;

const seeds: Readonly<Record<ToolCallDialectName, readonly string[]>> = {
  hermes: [
    'ok <tool_call>{"name": "zoom", "arguments": {"box": [0, 0, 0.5, 1e2], "factor": 3}}</tool_call>',
    '<tool_call>\n{"name": "focus_on_rows_with_draw", "arguments": {"rows_to_focus_on": ["caf\\u00e9", "\\"x\\""]}}\n</tool_call>',
  ],
  json: [
    '{"name": "point", "arguments": {"x": 0.5, "y": 0.25}}',
    '```json\n[{"name": "ocr", "arguments": {}}]\n```',
  ],
  openai: [
    '{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"flip","arguments":"{\\"direction\\": \\"vertical\\"}"}}]}',
  ],
  'vtool-python': [
    '```python\nc = ["A", \'B\']\nx = focus_on_columns_with_mask(image_1, c, columns_bbox)\ndisplay(focus_on_rows_with_draw(x, ["1"], {"1": {"x1": 0, "y1": 0, "x2": 9, "y2": 9}}))\n```',
    'THOUGHT\n```python\ndisplay(crop(image_1, [0, -0.5, 1e3, 0x1f]))\n```\nFINAL ANSWER: 3. TERMINATE',
  ],
};

/** Pieces that have broken parsers before: open brackets, quotes, tags, escapes, paths, code. */
const pieces = [
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  '"',
  "'",
  '"""',
  '\\',
  '\\u',
  '\\ud800',
  ',',
  ':',
  '=',
  '.',
  '#',
  '//',
  '/*',
  '<tool_call>',
  '</tool_call>',
  '```python',
  '```',
  '__proto__',
  'constructor',
  'prototype',
  'null',
  'None',
  'True',
  '1e999',
  '-',
  '00',
  '0x',
  '\u0000',
  '\u2028',
  '\ud83d',
  'é',
  '\t',
  '\n',
  ' ',
  'lambda: 0',
  'import os',
  '__import__("os").system("id")',
  'file:///etc/passwd',
  'http://127.0.0.1/',
  '../../etc/passwd',
  'f"{x}"',
  '[[[[',
  '{{{{',
  '((((',
  '{"a":',
  'display(',
  'image_1',
  'image_999',
  '"name":',
  '"arguments":',
  '*',
  ';',
  ' \\_ ',
];

function mutate(text: string, random: ReturnType<typeof randomSource>): string {
  let result = text;
  const steps = 1 + random.integer(6);
  for (let i = 0; i < steps; i++) {
    const from = random.integer(result.length + 1);
    const to = Math.min(result.length, from + random.integer(12));
    const kind = random.integer(6);
    if (kind === 0) result = result.slice(0, from) + result.slice(to);
    else if (kind === 1) result = result.slice(0, from) + random.pick(pieces) + result.slice(from);
    else if (kind === 2)
      result =
        result.slice(0, from) +
        random.pick(pieces).repeat(1 + random.integer(40)) +
        result.slice(to);
    else if (kind === 3)
      result =
        result.slice(0, from) +
        result.slice(from, to).repeat(1 + random.integer(8)) +
        result.slice(to);
    else if (kind === 4)
      result =
        result.slice(0, from) + String.fromCharCode(random.integer(0x10000)) + result.slice(to);
    else result = result.slice(from) + result.slice(0, from);
  }
  return result;
}

it(`survives ${CASES} mutated calls without a crash, a hang, pollution or growth`, () => {
  const random = randomSource(7);
  const dialects = Object.keys(toolCallDialects) as ToolCallDialectName[];
  const prototypeBefore = Object.getOwnPropertyNames(Object.prototype).sort();
  let parsed = 0;
  let slowest = { ms: 0, text: '' };
  let heapAfterWarmup = 0;
  for (let i = 0; i < CASES; i++) {
    const dialect = random.pick(dialects);
    const text = mutate(random.pick(seeds[dialect]), random);
    const start = performance.now();
    const result = parseToolCalls(text, { dialect, lenient: i % 2 === 0 });
    const ms = performance.now() - start;
    if (ms > slowest.ms) {
      // A pause of the collector or the scheduler is not the parser's: the text itself must be slow.
      const least = Math.min(
        ms,
        leastCpuMs(() => parseToolCalls(text, { dialect, lenient: i % 2 === 0 })),
      );
      if (least > slowest.ms) slowest = { ms: least, text };
    }
    if (result.ok) parsed++;
    if (result.ok !== (result.failure === null))
      throw new Error(`ok and failure disagree: ${text}`);
    const spans = [
      result.failure?.span,
      ...result.calls.flatMap(({ spans: s }) => [
        s.call,
        s.name,
        ...s.arguments.map(({ value }) => value),
      ]),
    ];
    for (const span of spans) {
      if (span && !(span.start >= 0 && span.start <= span.end && span.end <= text.length)) {
        throw new Error(`span ${span.start}-${span.end} outside: ${JSON.stringify(text)}`);
      }
    }
    if (i === Math.floor(CASES / 5)) heapAfterWarmup = process.memoryUsage().heapUsed;
  }
  expect(slowest.ms, slowest.text).toBeLessThan(LIMIT_MS);
  // Neither everything nor nothing was readable, so that both halves of the parser were met.
  expect(parsed).toBeGreaterThan(CASES / 100);
  expect(parsed).toBeLessThan(CASES * 0.9);
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(prototypeBefore);
  // Garbage that was not collected yet included.
  expect(process.memoryUsage().heapUsed - heapAfterWarmup).toBeLessThan(200e6);
}, 300_000);

it.each([
  ['open braces', '{'.repeat(32_000)],
  ['open tags', '<tool_call>'.repeat(2900)],
  ['tags and braces', '<tool_call>{'.repeat(2600)],
  ['open strings', '<tool_call>"'.repeat(2600)],
  ['quotes', `<tool_call>${'"'.repeat(32_000)}`],
  ['comments', `<tool_call>${'/*'.repeat(16_000)}`],
  ['line comments', `<tool_call>${'#\n'.repeat(16_000)}`],
  ['backslashes', `<tool_call>"${'\\_'.repeat(15_000)}"`],
  ['commas', `<tool_call>[${'1,'.repeat(16_000)}`],
  ['keys', `<tool_call>{${'"a":1,'.repeat(5000)}`],
  ['spaces', `<tool_call>${' '.repeat(32_000)}x`],
  ['digits', `<tool_call>${'1'.repeat(32_000)}`],
  ['python digits', `\`\`\`python\ndisplay(crop(image_1, [${'9'.repeat(32_000)}]))\n\`\`\``],
  ['python signs', `\`\`\`python\ndisplay(crop(image_1, [${'-'.repeat(32_000)}1]))\n\`\`\``],
  ['python parentheses', `\`\`\`python\ndisplay${'('.repeat(32_000)}\n\`\`\``],
  ['python statements', `\`\`\`python\n${'a=1\n'.repeat(8000)}display(a)\n\`\`\``],
  ['python variables', `\`\`\`python\na=[1]\n${'a=[a,a]\n'.repeat(4000)}display(image_1)\n\`\`\``],
  ['python indents', `\`\`\`python\n${' '.repeat(31_000)}display(image_1)\n\`\`\``],
  ['python names', `\`\`\`python\n${'image_1;'.repeat(4000)}\n\`\`\``],
  ['fences', '```python'.repeat(3600)],
  ['answers', `\`\`\`python\nimage_1 ${'ANSWER '.repeat(4600)}`],
])('takes linear time on %s', (_name, text) => {
  for (const dialect of Object.keys(toolCallDialects) as ToolCallDialectName[]) {
    for (const lenient of [false, true]) {
      expect(parseToolCalls(text, { dialect, lenient }).ok).toBe(false);
      const ms = leastCpuMs(() => parseToolCalls(text, { dialect, lenient }));
      expect(ms, `${dialect} ${lenient}`).toBeLessThan(LIMIT_MS);
    }
  }
});
