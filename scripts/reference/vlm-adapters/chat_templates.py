"""Chat templates rendered by Jinja as transformers sets it up: packages/vlm-adapters/test/fixtures/chat-templates.json.

    python scripts/reference/vlm-adapters/chat_templates.py > packages/vlm-adapters/test/fixtures/chat-templates.json

The templates are written for this test; between them they use what published ones use.
"""

import json

import jinja2
import transformers
from transformers.utils.chat_template_utils import render_jinja_template

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "crop",
            "description": "Cut a <part> & \"quote\" \u2013 \u00e9",
            "parameters": {"type": "object", "properties": {"x": {"type": "number", "default": 1.5}}, "required": []},
        },
    },
    {"type": "function", "function": {"name": "zoom", "strict": True, "description": None}},
]

TEMPLATES = {
    "reasoning": """
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n\\nFunctions:\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
        {%- for part in message.content %}
            {%- if part.type == 'text' %}{% set content = content + part.text %}{% endif %}
        {%- endfor %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index and (loop.last or reasoning) %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}{{- '\\n' }}{%- endif %}
                {%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
                {{- '<tool_call>\\n{"name": "' }}{{- tool_call.name }}{{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}{{- tool_call.arguments }}{%- else %}{{- tool_call.arguments | tojson }}{%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' }}{{- content }}{{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}
""",
    "plain lines": """{% for message in messages %}
    {% if loop.first and message['role'] != 'system' %}
<<SYS>>default<</SYS>>
    {% endif %}
{{ message['role'] | upper }}: {% if message['content'] is string %}{{ message['content'] | trim }}
{% else %}{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}<image>{% endfor %}
{{ message['content'] | selectattr('type', 'equalto', 'text') | map(attribute='text') | join(' / ') }}
{% endif %}
{# a comment #}
{% endfor %}
{%- if add_generation_prompt -%} ASSISTANT: {%- endif -%}
""",
    "tools for the user": """{{ bos_token }}{% set found = namespace(first=true) %}
{%- macro signature(tool) -%}
{{ tool.function.name }}({% for name, kind in (tool.function.parameters or {}).get('properties', {}).items() %}{{ name }}: {{ kind['type'] }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro -%}
{% for message in messages -%}
[{{ loop.index }}/{{ loop.length }} {{ message.role.capitalize() }}]
{% if message.role == 'user' and found.first and tools is not none -%}
{% set found.first = false -%}
You have {{ tools | length }} tools: {% for tool in tools %}{{ signature(tool) }}{{ '; ' if not loop.last else '.' }}{% endfor %}
{{ tools | tojson(indent=2) }}
{% endif -%}
{% if message.content is iterable and message.content is not string -%}
{% for item in message.content if item.type == 'text' %}{{ item['text'] }}{% else %}(nothing){% endfor %}
{% else -%}
{{ message.content.replace('\\n', ' | ') | default('none', true) }}
{% endif -%}
{% endfor %}
{{- 'end' ~ 3 ~ true ~ (7 // 2) ~ (7 % 3) ~ (2 ** 3) ~ [1, 2][-1] ~ 'abcdef'[1:4] ~ 'abcdef'[::-2] -}}
""",
    "alternating": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- set first_user_prefix = (messages[0]['content'] if messages[0]['content'] is string else messages[0]['content'][0]['text']) + '\\n\\n' -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Roles must alternate") }}
    {%- endif -%}
    {%- set role = "model" if (message['role'] == 'assistant') else message['role'] -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}
""",
    "odds and ends": """{%- set items = ['b', 'A', 'c'] -%}
{{ items | sort | join(',') }};{{ items | sort(reverse=true) | first }};{{ items | reverse | list | last }};
{%- set text %}  captured {{ messages | length }}  {% endset -%}
[{{ text | trim }}]{{ "%" }}{{ 'a-b-c'.split('-', 1) | join('+') }};{{ ' x  y '.split() | length }};
{%- for key, value in {'z': 1, 'a': [true, none]} | dictsort %}{{ key }}={{ value | tojson }} {% endfor -%}
{%- for n in range(5) %}{% if n == 1 %}{% continue %}{% endif %}{{ n }}{% if n == 3 %}{% break %}{% endif %}{% endfor -%}
{% filter upper %}shout {{ messages[0].content | string | length }}{% endfilter -%}
{{ 'one two'.title() }} {{ 'x' if false }}{{ missing }}{{ missing is defined }}{{ none is none }}{{ 1 is number }}{{ 0.00001 }} {{ 1.5 }}
{%- macro wrap(a, b='B', c=none) %}<{{ a }}{{ b }}{{ c is none }}{{ caller() if caller is defined }}>{% endmacro -%}
{{ wrap('x') }}{{ wrap('x', c=1) }}{% call wrap('q', 'w') %}inner{% endcall %}
{{- messages | map(attribute='role') | unique | join('|') }}{{ "line1\\nline2" | indent(2) }}{{ 'abc' is string and 'b' in 'abc' and 'q' not in 'abc' }}
{{- {'a': 1}.keys() | list | tojson }}{{ [1, 2, 3] | tojson(separators=(',', ':')) }}{{ {'b': 1, 'a': '\u00e9'} | tojson(sort_keys=true, ensure_ascii=true) }}{{ '\\u00e9' | tojson }}
""",
}

CONVERSATIONS = [
    [{"role": "user", "content": "Hi\nthere "}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": " Look: "}, {"type": "text", "text": "here"}]},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nA bar."},
        {"role": "user", "content": "  Which? \u00e9\u00a0 "},
    ],
    [
        {"role": "user", "content": "Crop it"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"type": "function", "function": {"name": "crop", "arguments": {"box": [1, 2.5, -3], "t": "a\"b\n</x>"}}},
                {"type": "function", "function": {"name": "zoom", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "done"},
        {"role": "tool", "content": [{"type": "text", "text": "two"}]},
    ],
    [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
]


def main():
    cases = []
    for name, template in TEMPLATES.items():
        for messages in CONVERSATIONS:
            for tools in (None, TOOLS):
                case = {"template": name, "messages": messages, "tools": tools}
                try:
                    texts, _ = render_jinja_template(
                        [messages], tools=tools, chat_template=template, add_generation_prompt=True, bos_token="<bos>"
                    )
                    case["rendered"] = texts[0]
                except jinja2.exceptions.TemplateError as error:
                    case["error"] = str(error)
                cases.append(case)
    content = {"transformers": transformers.__version__, "jinja2": jinja2.__version__, "templates": TEMPLATES, "cases": cases}
    print(json.dumps(content, indent=1))


main()
