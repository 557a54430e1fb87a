import { describe, expect, it } from 'vitest';
import { type ParsedToolCalls, parseToolCalls } from '../src/index.js';

const at = ({ text }: ParsedToolCalls, span: { start: number; end: number } | null | undefined) =>
  span && text.slice(span.start, span.end);
const hermes = (json: string): string => `I look closer.\n<tool_call>\n${json}\n</tool_call>`;
const python = (code: string): string => `ACTION 0:\n\`\`\`python\n${code}\n\`\`\`\n`;

describe('hermes', () => {
  it('reads a call and gives the places of its parts', () => {
    const parsed = parseToolCalls(
      hermes('{"name": "zoom", "arguments": {"box": [0, 0, 0.5, 1], "factor": 3}}'),
    );
    expect(parsed).toMatchObject({ ok: true, failure: null, repairs: [] });
    const [call] = parsed.calls;
    expect(call).toMatchObject({ name: 'zoom', arguments: { box: [0, 0, 0.5, 1], factor: 3 } });
    expect(at(parsed, call?.spans.name)).toBe('zoom');
    expect(at(parsed, call?.spans.call)).toBe(
      '{"name": "zoom", "arguments": {"box": [0, 0, 0.5, 1], "factor": 3}}',
    );
    expect(
      call?.spans.arguments.map((span) => [at(parsed, span.name), at(parsed, span.value)]),
    ).toEqual([
      ['"box"', '[0, 0, 0.5, 1]'],
      ['"factor"', '3'],
    ]);
  });

  it('takes an end tag inside a string for text', () => {
    const parsed = parseToolCalls(
      hermes(
        '{"name": "focus_on_rows_with_draw", "arguments": {"rows_to_focus_on": ["</tool_call>"]}}',
      ),
    );
    expect(parsed.calls[0]?.arguments).toEqual({ rows_to_focus_on: ['</tool_call>'] });
  });

  it.each([
    ['no-call', 'The answer is 3.', 'The answer is 3.'],
    ['malformed', hermes('{"name": "flip", "arguments": {"direction": vertical}}'), 'vertical'],
    ['malformed', hermes('{"name": "flip"}'), '{"name": "flip"}'],
    ['malformed', '<tool_call>{"name": "flip", "arguments": {}}', ''],
    ['unknown-tool', hermes('{"name": "exec", "arguments": {}}'), 'exec'],
    ['unknown-tool', hermes('{"name": "constructor", "arguments": {}}'), 'constructor'],
    ['bad-arguments', hermes('{"name": "flip", "arguments": {"direction": "up"}}'), '"up"'],
    [
      'bad-arguments',
      hermes('{"name": "crop", "arguments": {}}'),
      '{"name": "crop", "arguments": {}}',
    ],
    [
      'several-calls',
      `${hermes('{"name": "flip", "arguments": {"direction": "vertical"}}')}${hermes('{"name": "ocr", "arguments": {}}')}`,
      '{"name": "ocr", "arguments": {}}',
    ],
  ])('classifies %s with its place', (kind, text, place) => {
    const parsed = parseToolCalls(text);
    expect(parsed.ok).toBe(false);
    expect(parsed.failure?.kind).toBe(kind);
    expect(at(parsed, parsed.failure?.span)).toBe(place);
  });

  it('bounds length, depth and number of calls', () => {
    expect(parseToolCalls('x'.repeat(40_000)).failure?.kind).toBe('too-large');
    const deep = `${'['.repeat(50)}${']'.repeat(50)}`;
    expect(parseToolCalls(hermes(deep)).failure?.message).toContain('nested deeper than 16');
    const two = hermes('{"name": "ocr", "arguments": {}}').repeat(2);
    expect(parseToolCalls(two, { maxCalls: 2 })).toMatchObject({ ok: true, calls: { length: 2 } });
  });

  it.each([
    ["{'name': 'flip', 'arguments': {'direction': 'vertical'}}", ['quotes']],
    ['{"name": "flip", "arguments": {"direction": "vertical",},}', ['trailing-comma']],
    ['{name: "flip", arguments: {direction: "vertical"}}', ['bare-key']],
    ['{"name": "flip", "arguments": {"direction": "vertical"}', ['cut-off', 'missing-tag']],
    ['{"name": "flip" "arguments": {"direction": "vertical"}}', ['missing-comma']],
    ['{"name": "flip", /* up */ "arguments": {"direction": "vertical"}}', ['comment']],
    ['{"name": "flip", "parameters": {"direction": "vertical"}}', ['field-name']],
    ['{"name": "flip", "arguments": "{\\"direction\\": \\"vertical\\"}"}', ['string-arguments']],
  ])('repairs %s and says so', (json, kinds) => {
    const text = kinds.includes('cut-off') ? `<tool_call>${json}` : hermes(json);
    expect(parseToolCalls(text).ok).toBe(false);
    const parsed = parseToolCalls(text, { lenient: true });
    expect(parsed.calls[0]).toMatchObject({ name: 'flip', arguments: { direction: 'vertical' } });
    expect(parsed.ok).toBe(true);
    expect([...new Set(parsed.repairs.map(({ kind }) => kind))]).toEqual(kinds);
  });

  it("reads Python's words leniently", () => {
    const text = hermes('{"name": "ocr", "arguments": {"box": None}}');
    const parsed = parseToolCalls(text, { lenient: true, tools: null });
    expect(parsed.calls[0]?.arguments).toEqual({ box: null });
    expect(parsed.repairs).toMatchObject([{ kind: 'bare-word' }]);
  });

  it('keeps a hostile key as plain data', () => {
    const text = hermes(
      '{"name": "flip", "arguments": {"__proto__": {"polluted": 1}, "direction": "vertical"}}',
    );
    const parsed = parseToolCalls(text);
    expect(parsed.ok).toBe(true);
    expect(Object.hasOwn(parsed.calls[0]?.arguments ?? {}, '__proto__')).toBe(true);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('json', () => {
  const call = '{"name": "point", "arguments": {"x": 0.5, "y": 0.25}}';
  it('reads one call, a list, and a list inside an object', () => {
    const options = { dialect: 'json' } as const;
    for (const text of [call, `[${call}]`, `{"thought": "hm", "actions": [${call}]}`]) {
      expect(parseToolCalls(text, options)).toMatchObject({ ok: true, calls: [{ name: 'point' }] });
    }
    expect(parseToolCalls(`Sure: ${call}`, options).failure?.kind).toBe('no-call');
  });

  it('finds a call in running text and in a fence leniently', () => {
    const options = { dialect: 'json', lenient: true } as const;
    expect(parseToolCalls(`Look {here}: ${call} done`, options)).toMatchObject({
      ok: true,
      repairs: [{ kind: 'surrounding-text' }],
    });
    expect(parseToolCalls(`\`\`\`json\n${call}\n\`\`\``, options)).toMatchObject({
      ok: true,
      repairs: [{ kind: 'fence' }],
    });
  });
});

describe('openai', () => {
  const message = {
    role: 'assistant',
    content: null,
    tool_calls: [
      {
        id: 'call_1',
        type: 'function',
        function: { name: 'flip', arguments: '{"direction":\t"vertical"}' },
      },
    ],
  };
  it('reads a message as an object or as text, with places inside the arguments', () => {
    for (const input of [message, JSON.stringify(message)]) {
      const parsed = parseToolCalls(input, { dialect: 'openai' });
      expect(parsed).toMatchObject({ ok: true, calls: [{ id: 'call_1', name: 'flip' }] });
      const [span] = parsed.calls[0]?.spans.arguments ?? [];
      // The text holds JSON in JSON, so the quotes are escaped there.
      expect(at(parsed, span?.name)).toBe('\\"direction\\"');
      expect(at(parsed, span?.value)).toBe('\\"vertical\\"');
    }
  });

  it('classifies a message without calls and broken arguments', () => {
    expect(
      parseToolCalls({ role: 'assistant', content: 'hi' }, { dialect: 'openai' }).failure?.kind,
    ).toBe('no-call');
    const broken = JSON.stringify(message).replace('vertical\\"}', 'vertical\\"');
    expect(parseToolCalls(broken, { dialect: 'openai' }).failure?.kind).toBe('malformed');
    expect(parseToolCalls(undefined, { dialect: 'openai' }).failure?.kind).toBe('malformed');
  });
});

describe('vtool-python', () => {
  const options = { dialect: 'vtool-python' } as const;

  it('reads the call of the prompts', () => {
    const parsed = parseToolCalls(
      python('display(focus_on_columns_with_mask(image_1, ["A", \'B\'], columns_bbox))'),
      options,
    );
    expect(parsed).toMatchObject({
      ok: true,
      display: { kind: 'call', index: 0 },
      calls: [
        {
          name: 'focus_on_columns_with_mask',
          arguments: { columns_to_focus_on: ['A', 'B'] },
          image: { kind: 'image', index: 0 },
          boxes: { kind: 'variable', name: 'columns_bbox' },
        },
      ],
    });
    const { spans } = parsed.calls[0] ?? {};
    expect(at(parsed, spans?.name)).toBe('focus_on_columns_with_mask');
    expect(spans?.arguments.map((span) => at(parsed, span.value))).toEqual([
      'image_1',
      '["A", \'B\']',
      'columns_bbox',
    ]);
  });

  it('follows variables and chained images', () => {
    const code = [
      'columns = ["Year"]  # two steps',
      'first = focus_on_columns_with_draw(image_1, columns, columns_bbox)',
      'second = focus_on_rows_with_highlight(first, rows_to_focus_on=["1972"],',
      '    all_rows_bounding_boxes={"1972": {"x1": 0, "y1": 1.5, "x2": 40, "y2": -3}})',
      'display(second)',
    ].join('\n');
    expect(parseToolCalls(python(code), options)).toMatchObject({
      ok: true,
      display: { kind: 'call', index: 1 },
      calls: [
        { arguments: { columns_to_focus_on: ['Year'] }, image: { kind: 'image', index: 0 } },
        {
          arguments: { rows_to_focus_on: ['1972'] },
          image: { kind: 'call', index: 0 },
          boxes: { kind: 'literal', value: { 1972: { x1: 0, y1: 1.5, x2: 40, y2: -3 } } },
        },
      ],
    });
  });

  it('maps other tools by position', () => {
    expect(
      parseToolCalls(python('display(crop(image_1, [0, 0, 0.5, 0.5]))'), options),
    ).toMatchObject({
      ok: true,
      calls: [{ name: 'crop', arguments: { box: [0, 0, 0.5, 0.5] } }],
    });
  });

  it.each([
    ['no-call', 'FINAL ANSWER: 3. TERMINATE', null],
    ['no-call', python('print("hello")'), null],
    ['no-call', '```python\nimage_1\nFINAL ANSWER: 3', null],
    ['malformed', '```python\ndisplay(image_1', null],
    ['malformed', python('import os; display(image_1)'), 'import'],
    ['malformed', python('display(image_1.resize((1, 1)))'), 'image_1.'],
    ['malformed', python('display(crop(image_1, [f"{1}"]))'), 'f'],
    ['malformed', python('display(crop(image_1, [1 + 1]))'), '+'],
    ['unknown-tool', python('x = __import__("os", image_1)\ndisplay(x)'), null],
    ['malformed', python('flip(image_1, "vertical")'), null],
    ['malformed', python('display(flip(image_1, secret))'), 'secret'],
    ['malformed', python('a = ["x"]\ndisplay(focus_on_rows_with_draw(image_1, [a, a]))'), 'a'],
    ['unknown-tool', python('display(eval(image_1, "1"))'), 'eval'],
    ['bad-arguments', python('display(focus_on_rows_with_mask(image_1, "A", rows_bbox))'), '"A"'],
    ['bad-arguments', python('display(flip("vertical"))'), '"vertical"'],
    [
      'bad-arguments',
      python('display(flip(image_1, direction="vertical", direction_2="x", image=image_1))'),
      'image_1',
    ],
    [
      'several-calls',
      python(`${'a = flip(image_1, "vertical")\n'.repeat(9)}display(a)`),
      'flip(image_1, "vertical")',
    ],
  ])('classifies %s: %s', (kind, text, place) => {
    const parsed = parseToolCalls(text, options);
    expect([parsed.ok, parsed.failure?.kind]).toEqual([false, kind]);
    if (place !== null) expect(at(parsed, parsed.failure?.span)).toBe(place);
  });

  it('repairs escaped underscores, an open fence, indents and a missing display, and says so', () => {
    const text = '```python\n  focus\\_on\\_rows\\_with\\_draw(image\\_1, ["A"], rows\\_bbox)';
    const parsed = parseToolCalls(text, { ...options, lenient: true });
    expect(parsed.ok).toBe(true);
    expect(parsed.repairs.map(({ kind }) => kind)).toEqual([
      'fence',
      'backslash',
      'indent',
      'missing-display',
    ]);
    expect(at(parsed, parsed.calls[0]?.spans.name)).toBe('focus\\_on\\_rows\\_with\\_draw');
    expect(parsed.calls[0]).toMatchObject({
      name: 'focus_on_rows_with_draw',
      arguments: { rows_to_focus_on: ['A'] },
    });
  });
});

it('refuses an unknown dialect with the known ones', () => {
  const options = { dialect: 'xml' as 'json' };
  expect(() => parseToolCalls('', options)).toThrow(/Known: hermes, json, openai, vtool-python/);
});
