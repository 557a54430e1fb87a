import { checkMessages } from '../encode/check-messages.js';
import type { ContentPart, Message } from '../types/message.js';
import { imageDataUrl } from './image-data-url.js';

export type WirePart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string } };

/** A message as chat servers take it. */
export interface WireMessage {
  readonly role: Message['role'];
  readonly content: string | readonly WirePart[];
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly type: 'function';
    /** `arguments` is the text of a JSON object. */
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
  readonly tool_call_id?: string;
  readonly name?: string;
}

/**
 * Messages in the form that goes over the wire, pictures as data URLs.
 *
 * @param firstImage Number of the first picture, for errors.
 * @throws {VlmError} `prompt` for a message that is none, `image` for a picture that cannot be read.
 */
export async function wireMessages(
  messages: readonly Message[],
  firstImage = 0,
): Promise<WireMessage[]> {
  checkMessages(messages);
  const written: WireMessage[] = [];
  let image = firstImage;
  for (const { role, content, tool_calls: calls, tool_call_id: answered, name } of messages) {
    const parts: WirePart[] = [];
    for (const part of typeof content === 'string' ? [] : content) {
      parts.push(await wirePart(part, `image ${part.type === 'image' ? image++ : image}`));
    }
    written.push({
      role,
      content: typeof content === 'string' ? content : parts,
      ...(calls === undefined ? {} : { tool_calls: calls.map(wireCall) }),
      ...(answered === undefined ? {} : { tool_call_id: answered }),
      ...(name === undefined ? {} : { name }),
    });
  }
  return written;
}

/** Pictures in messages on the wire. */
export function countImages(messages: readonly WireMessage[]): number {
  return messages
    .flatMap(({ content }) => (typeof content === 'string' ? [] : content))
    .filter(({ type }) => type === 'image_url').length;
}

async function wirePart(part: ContentPart, name: string): Promise<WirePart> {
  return part.type === 'text'
    ? { type: 'text', text: part.text }
    : { type: 'image_url', image_url: { url: await imageDataUrl(part.image, name) } };
}

function wireCall(
  { id, function: called }: NonNullable<Message['tool_calls']>[number],
  index: number,
): NonNullable<WireMessage['tool_calls']>[number] {
  return {
    id: id ?? `call_${index}`,
    type: 'function',
    function: { name: called.name, arguments: JSON.stringify(called.arguments) },
  };
}
