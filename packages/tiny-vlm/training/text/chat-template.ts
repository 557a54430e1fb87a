import type { ToolDefinition } from '@iapo/vqa-tools';

/**
 * The chat format of Qwen2.5-VL with tools, in Jinja. The tools' section is short: definitions between
 * `<tools>` tags, and no words about how to call one, which the models have learned.
 */
export const chatTemplate: string = `{%- macro text_of(content) -%}
{%- if content is string -%}
{{- content -}}
{%- else -%}
{%- for part in content -%}
{%- if part.type == 'image' or 'image' in part -%}
{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}
{%- elif 'text' in part -%}
{{- part.text -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{{- '<|im_start|>system\\n' -}}
{%- if messages[0].role == 'system' -%}
{{- text_of(messages[0].content) -}}
{%- else -%}
{{- 'You read small charts.' -}}
{%- endif -%}
{%- if tools -%}
{{- '\\n\\n# Tools\\n<tools>' -}}
{%- for tool in tools -%}
{{- '\\n' + (tool | tojson) -}}
{%- endfor -%}
{{- '\\n</tools>' -}}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- for message in messages -%}
{%- if message.role == 'system' and loop.first -%}
{%- elif message.role == 'tool' -%}
{{- '<|im_start|>user\\n' + text_of(message.content) + '<|im_end|>\\n' -}}
{%- else -%}
{{- '<|im_start|>' + message.role + '\\n' + text_of(message.content) -}}
{%- for tool_call in message.tool_calls or [] -%}
{%- set call = tool_call.function or tool_call -%}
{{- '<tool_call>\\n{"name": "' + call.name + '", "arguments": ' + (call.arguments | tojson) + '}\\n</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
`;

/** One picture, before its placeholder is repeated for each of its tokens. */
export const imageText = '<|vision_start|><|image_pad|><|vision_end|>';

/** A turn of a conversation as it is rendered. */
export interface RenderedTurn {
  readonly role: 'system' | 'user' | 'assistant';
  /** Images are {@link imageText}. */
  readonly text: string;
}

/** What the template makes of a conversation; the last assistant turn stays open to be continued. */
export function renderChat(
  turns: readonly RenderedTurn[],
  tools: readonly ToolDefinition[] = [],
): string {
  const section =
    tools.length === 0
      ? ''
      : `\n\n# Tools\n<tools>${tools.map((tool) => `\n${spacedJson(tool)}`).join('')}\n</tools>`;
  const rendered = turns.map(({ role, text }) =>
    role === 'system'
      ? `<|im_start|>system\n${text}${section}<|im_end|>\n`
      : `<|im_start|>${role}\n${text}<|im_end|>\n`,
  );
  return `${rendered.join('')}<|im_start|>assistant\n`;
}

/** JSON with ", " and ": ", as Jinja's tojson writes it. */
function spacedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spacedJson).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(
      ([key, item]) => `${JSON.stringify(key)}: ${spacedJson(item)}`,
    );
    return `{${entries.join(', ')}}`;
  }
  return JSON.stringify(value);
}

/** A call as the models write it. */
export function callText(name: string, argument: string, labels: readonly string[]): string {
  return `<tool_call>\n${spacedJson({ name, arguments: { [argument]: labels } })}\n</tool_call>`;
}
