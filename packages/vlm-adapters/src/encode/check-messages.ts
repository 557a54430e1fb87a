import { VlmError } from '../errors.js';
import type { ContentPart, ImageInput, Message, ToolDefinition } from '../types/message.js';

const roles: ReadonlySet<string> = new Set(['system', 'user', 'assistant', 'tool']);

function refuse(message: string): VlmError {
  return new VlmError('prompt', message);
}

function checkPart(part: ContentPart, where: string): void {
  if (typeof part !== 'object' || part === null) throw refuse(`${where} is no content part.`);
  if (part.type === 'text') {
    if (typeof part.text === 'string') return;
    throw refuse(`${where} is of type "text" and its "text" is no string.`);
  }
  if (part.type !== 'image')
    throw refuse(
      `${where} is of type "${String(Reflect.get(part, 'type'))}": expected "text" or "image".`,
    );
  if (part.image === undefined || part.image === null)
    throw refuse(
      `${where} is of type "image" and has no "image": pass pixels, bytes, a path or a data URL.`,
    );
}

/**
 * Checks messages and tools before any work.
 *
 * @returns The pictures, in the order in which messages name them.
 * @throws {VlmError} `prompt`, with the place that is wrong.
 */
export function checkMessages(messages: readonly Message[]): ImageInput[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw refuse('`messages` is empty: pass at least one message.');
  const images: ImageInput[] = [];
  for (const [index, message] of messages.entries()) {
    const where = `messages[${index}]`;
    if (typeof message !== 'object' || message === null) throw refuse(`${where} is no message.`);
    const { role, content } = message;
    if (!roles.has(role))
      throw refuse(`${where} has the role "${String(role)}": expected ${[...roles].join(', ')}.`);
    if (typeof content === 'string') continue;
    if (!Array.isArray(content))
      throw refuse(
        `${where} has no content: expected a string, or a list of text and image parts.`,
      );
    for (const [place, part] of content.entries()) {
      checkPart(part, `${where}.content[${place}]`);
      if (part.type === 'image') images.push(part.image);
    }
  }
  return images;
}

/** @throws {VlmError} `prompt` if a tool is not in the function-calling form. */
export function checkTools(tools: readonly ToolDefinition[]): void {
  for (const [index, tool] of tools.entries()) {
    const name: unknown = tool?.function?.name;
    if (tool?.type !== 'function' || typeof name !== 'string' || name === '')
      throw refuse(
        `tools[${index}] is no tool definition: expected { type: "function", function: { name, … } }.`,
      );
  }
}

/** Text alone as a list of one part, for templates that read nothing else. */
export function withPartsOnly(messages: readonly Message[]): Message[] {
  return messages.map((message) =>
    typeof message.content === 'string'
      ? { ...message, content: [{ type: 'text', text: message.content }] }
      : message,
  );
}
