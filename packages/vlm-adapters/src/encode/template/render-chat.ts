import type { Message, ToolDefinition } from '../../types/message.js';
import { describedTools } from './described-tools.js';
import { Interpreter, templateFunctions } from './interpreter.js';
import { parseTemplate, type Statement } from './nodes.js';
import { Scope } from './scope.js';
import { type Piece, type Source, TracedText, templateSource } from './traced-text.js';
import { List, Mapping, toValue, type Value } from './values.js';

export interface ChatInput {
  readonly messages: readonly Message[];
  readonly tools: readonly ToolDefinition[];
  /** Write the header of the assistant's turn at the end. */
  readonly addGenerationPrompt: boolean;
  /** Special tokens by their names: `bos_token`, … */
  readonly specialTokens: ReadonlyMap<string, string>;
}

const toolsSource: Source = { kind: 'tools' };

/** Between what a system message says and the tools. */
const blankLine = TracedText.of('\n\n', { kind: 'template', dependsOnTools: true });

/** A model's chat template, which says of each character it writes where it comes from. */
export class ChatTemplate {
  static #describing: ChatTemplate | undefined;
  readonly #program: readonly Statement[];

  /** @throws {Error} If the template has a syntax error. */
  constructor(source: string) {
    this.#program = parseTemplate(source);
  }

  /** @throws {Error} With the template's own message, where it raises one. */
  render(input: ChatInput): readonly Piece[] {
    return this.#run(
      input,
      input.messages.map((message, index) => messageValue(message, index)),
    ).pieces;
  }

  /**
   * For a template that has no place for tools: they are described at the end of the system message, or in one of
   * their own.
   */
  renderDescribingTools(input: ChatInput): readonly Piece[] {
    ChatTemplate.#describing ??= new ChatTemplate(describedTools);
    const description = ChatTemplate.#describing.#run(input, []);
    const [first] = input.messages;
    const messages = input.messages.map((message, index) => messageValue(message, index));
    const asParts = first !== undefined && typeof first.content !== 'string';
    const hasText = typeof first?.content === 'string' || first?.content.some(isText);
    if (first?.role === 'system' && hasText)
      messages[0] = messageValue(first, 0, TracedText.concat([blankLine, description]));
    else {
      const own: Message = {
        role: 'system',
        content: asParts ? [{ type: 'text', text: '' }] : '',
      };
      messages.unshift(messageValue(own, -1, description));
    }
    return this.#run(input, messages).pieces;
  }

  #run(input: ChatInput, messages: readonly Mapping[]): TracedText {
    const globals = new Scope();
    for (const [name, value] of templateFunctions()) globals.set(name, value);
    const constants: readonly (readonly [string, Value])[] = [
      ['true', true],
      ['false', false],
      ['none', null],
      ['True', true],
      ['False', false],
      ['None', null],
      ['add_generation_prompt', input.addGenerationPrompt],
      ['documents', null],
      ['messages', new List(messages)],
    ];
    for (const [name, value] of constants) globals.set(name, value);
    for (const [name, value] of input.specialTokens)
      globals.set(name, TracedText.of(value, templateSource));
    const tools = input.tools.length === 0 ? null : toValue(input.tools, toolsSource);
    globals.set('tools', tools, tools !== null);
    return new Interpreter().run(this.#program, globals);
  }
}

const isText = ({ type }: { readonly type: string }): boolean => type === 'text';

/** @param added Stands after the message's text. */
function messageValue(message: Message, index: number, added: TracedText | null = null): Mapping {
  const { role } = message;
  const text: Source = { kind: 'message', index, role, field: 'text' };
  const other: Source = { kind: 'message', index, role, field: 'other' };
  const entries = new Map<string, Value>();
  for (const [key, value] of Object.entries(message)) {
    if (value === undefined) continue;
    if (key === 'role') entries.set(key, TracedText.of(role, templateSource));
    else if (key === 'content') entries.set(key, contentValue(message.content, text, added));
    else entries.set(key, toValue(value, other));
  }
  return new Mapping(entries, other);
}

/** Templates see that a part is a picture, and nothing of the picture. */
function contentValue(
  content: Message['content'],
  source: Source,
  added: TracedText | null,
): Value {
  if (typeof content === 'string') {
    const own = TracedText.of(content, source);
    return added === null ? own : TracedText.concat([own, added]);
  }
  const last = content.findLastIndex(isText);
  const parts = content.map((part, index) => {
    const entries = new Map<string, Value>([['type', TracedText.of(part.type, templateSource)]]);
    if (part.type === 'text') {
      const own = TracedText.of(part.text, source);
      // Templates may read one part only, so nothing stands in one of its own.
      const isLast = added !== null && index === last;
      entries.set('text', isLast ? TracedText.concat([own, added]) : own);
    }
    return new Mapping(entries, source);
  });
  return new List(parts, source);
}
