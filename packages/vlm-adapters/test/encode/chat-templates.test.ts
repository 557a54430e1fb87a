import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ChatTemplate } from '../../src/encode/template/render-chat.js';
import type { Message, ToolDefinition } from '../../src/types/message.js';

interface Case {
  readonly template: string;
  readonly messages: readonly Message[];
  readonly tools: readonly ToolDefinition[] | null;
  readonly rendered?: string;
  readonly error?: string;
}

// Made by scripts/reference/vlm-adapters/chat_templates.py with the versions that the file names.
const fixture: {
  readonly templates: Readonly<Record<string, string>>;
  readonly cases: readonly Case[];
} = JSON.parse(readFileSync(new URL('../fixtures/chat-templates.json', import.meta.url), 'utf8'));

describe.each(Object.keys(fixture.templates))('the template "%s"', (name) => {
  const template = new ChatTemplate(fixture.templates[name] ?? '');
  const cases = fixture.cases.filter((entry) => entry.template === name);

  it.each(cases.map((_, index) => index))('is rendered as Jinja renders it: %i', (index) => {
    const { messages = [], tools = null, rendered, error } = cases[index] ?? {};
    const render = (): string =>
      template
        .render({
          messages,
          tools: tools ?? [],
          addGenerationPrompt: true,
          specialTokens: new Map([['bos_token', '<bos>']]),
        })
        .map(({ text }) => text)
        .join('');
    if (error !== undefined) expect(render).toThrow(error);
    else expect(render()).toBe(rendered);
  });
});
