import type { Message, ToolDefinition } from '../../types/message.js';
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

/** A model's chat template, which says of each character it writes where it comes from. */
export class ChatTemplate {
  readonly #program: readonly Statement[];

  /** @throws {Error} If the template has a syntax error. */
  constructor(source: string) {
    this.#program = parseTemplate(source);
  }

  /** @throws {Error} With the template's own message, where it raises one. */
  render(input: ChatInput): readonly Piece[] {
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
      ['messages', new List(input.messages.map(messageValue))],
    ];
    for (const [name, value] of constants) globals.set(name, value);
    for (const [name, value] of input.specialTokens)
      globals.set(name, TracedText.of(value, templateSource));
    const tools = input.tools.length === 0 ? null : toValue(input.tools, toolsSource);
    globals.set('tools', tools, tools !== null);
    return new Interpreter().run(this.#program, globals).pieces;
  }
}

function messageValue(message: Message, index: number): Mapping {
  const { role } = message;
  const text: Source = { kind: 'message', index, role, field: 'text' };
  const other: Source = { kind: 'message', index, role, field: 'other' };
  const entries = new Map<string, Value>();
  for (const [key, value] of Object.entries(message)) {
    if (value === undefined) continue;
    if (key === 'role') entries.set(key, TracedText.of(role, templateSource));
    else if (key === 'content') entries.set(key, contentValue(message.content, text));
    else entries.set(key, toValue(value, other));
  }
  return new Mapping(entries, other);
}

/** Templates see that a part is a picture, and nothing of the picture. */
function contentValue(content: Message['content'], source: Source): Value {
  if (typeof content === 'string') return TracedText.of(content, source);
  return new List(
    content.map((part) => {
      const entries = new Map<string, Value>([['type', TracedText.of(part.type, templateSource)]]);
      if (part.type === 'text') entries.set('text', TracedText.of(part.text, source));
      return new Mapping(entries, source);
    }),
    source,
  );
}
