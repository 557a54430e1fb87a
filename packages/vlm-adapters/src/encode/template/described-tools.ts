/**
 * How tools are described for a model whose own template has no place for them, as that of Qwen2.5-VL: in the form of
 * Qwen's language models, whose calls the `hermes` dialect reads. A template, so that it is known of each character
 * where it comes from.
 */
export const describedTools = `
{%- if tools -%}
  {{- '# Tools\\n\\nFunctions you may call, as JSON between <tools></tools>:\\n<tools>' -}}
  {%- for tool in tools -%}
    {{- '\\n' -}}{{- tool | tojson -}}
  {%- endfor -%}
  {{- '\\n</tools>\\n\\nTo call one, give its name and arguments as JSON between <tool_call></tool_call>:\\n<tool_call>\\n{"name": <function-name>, "arguments": <args-json-object>}\\n</tool_call>' -}}
{%- endif -%}
`;
