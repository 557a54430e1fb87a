import { VlmError } from '../errors.js';
import type { Message, ToolDefinition } from '../types/message.js';
import type { Piece } from './template/traced-text.js';

/**
 * Templates of some models leave out what they have no place for, in silence.
 *
 * @param from Messages before this one need not be there.
 * @throws {VlmError} `prompt` if a message's text, its tool calls or the tools are missing in what was rendered.
 */
export function checkNothingLost(
  pieces: readonly Piece[],
  messages: readonly Message[],
  tools: readonly ToolDefinition[],
  from = 0,
): void {
  const written = new Set<string>();
  for (const { source } of pieces) {
    if (source.kind === 'tools') written.add('tools');
    if (source.kind === 'message') written.add(`${source.index}.${source.field}`);
  }
  if (tools.length > 0 && !written.has('tools'))
    throw new VlmError(
      'prompt',
      "The model's chat template has no place for tools, and leaves out system messages that describe them.",
    );
  for (const [index, message] of messages.entries()) {
    if (index < from) continue;
    const { role, content, tool_calls: calls } = message;
    const parts =
      typeof content === 'string'
        ? [content]
        : content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
    // What an assistant thought before it spoke may be left out; that is how reasoning models are prompted.
    const isNeeded = role !== 'assistant' && parts.some((text) => text.trim() !== '');
    if (isNeeded && !written.has(`${index}.text`))
      throw new VlmError(
        'prompt',
        `The chat template leaves out the text of messages[${index - from}] ("${role}").`,
      );
    if (calls !== undefined && calls.length > 0 && !written.has(`${index}.other`))
      throw new VlmError(
        'prompt',
        `The model's chat template has no place for the tool calls of messages[${index - from}]: write them as text.`,
      );
  }
}
