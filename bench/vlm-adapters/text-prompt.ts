import type { EncodedPrompt, Message } from '@iapo/vlm-adapters';

/** A model that encodes messages. */
interface Encoder {
  encode(messages: readonly Message[]): Promise<EncodedPrompt>;
}

/** A text-only prompt of about so many tokens: words are added until it has them. */
export async function textPrompt(model: Encoder, tokens: number): Promise<EncodedPrompt> {
  const words = 'which bar of this chart is the highest and which one is the lowest '.split(' ');
  const encode = (count: number): Promise<EncodedPrompt> => {
    const text = Array.from({ length: count }, (_, index) => words[index % words.length]).join(' ');
    return model.encode([{ role: 'user', content: text }]);
  };
  let [few, many] = [1, tokens];
  while (few < many) {
    const middle = (few + many) >> 1;
    if ((await encode(middle)).inputIds.length < tokens) few = middle + 1;
    else many = middle;
  }
  return encode(few);
}
