/**
 * A language model that can be computed in the head of a test: 300 tokens, a chat template in the manner of Qwen's,
 * and logits that are a formula of the tokens before.
 */

const special: Readonly<Record<string, number>> = {
  '<|im_start|>': 0,
  '<|im_end|>': 1,
  '<|vision_start|>': 2,
  '<|image_pad|>': 3,
  '<|vision_end|>': 4,
};
export const endOfTurn = 1;
const firstByte = 10;
/** Merged tokens: text that sampled bytes can spell too, but that the tokenizer never splits. */
const merges = ['ab', 'tool', 'the '];
const firstMerge = firstByte + 256;
export const vocabularySize: number = firstMerge + merges.length;

export function tokenize(text: string): number[] {
  const ids: number[] = [];
  for (let at = 0; at < text.length; ) {
    const name = Object.keys(special).find((candidate) => text.startsWith(candidate, at));
    const merge = merges.findIndex((candidate) => text.startsWith(candidate, at));
    if (name !== undefined) ids.push(special[name] ?? 0);
    else if (merge >= 0) ids.push(firstMerge + merge);
    const length =
      name?.length ?? merges[merge]?.length ?? (text.codePointAt(at)! > 0xffff ? 2 : 1);
    if (name === undefined && merge < 0) {
      ids.push(...Buffer.from(text.slice(at, at + length)).map((byte) => byte + firstByte));
    }
    at += length;
  }
  return ids;
}

export function detokenize(ids: readonly number[]): string {
  const parts = ids.map((id) => {
    const name = Object.keys(special).find((candidate) => special[candidate] === id);
    if (name !== undefined) return Buffer.from(name);
    return id >= firstMerge
      ? Buffer.from(merges[id - firstMerge] ?? '')
      : Buffer.of(id - firstByte);
  });
  return Buffer.concat(parts).toString('utf8');
}

interface ChatMessage {
  readonly role: string;
  readonly content:
    | string
    | readonly { type: string; text?: string; image_url?: { url: string } }[]
    | null;
}

export interface RenderOptions {
  readonly tools: readonly unknown[];
  readonly addGenerationPrompt: boolean;
  readonly continueFinalMessage: boolean;
  /** Whether pictures become as many tokens as the model sees, or stay one. */
  readonly expandImages: boolean;
}

export function renderTokens(messages: readonly ChatMessage[], options: RenderOptions): number[] {
  const { tools, addGenerationPrompt, continueFinalMessage, expandImages } = options;
  let text =
    tools.length > 0 ? `<|im_start|>system\n# Tools ${JSON.stringify(tools)}<|im_end|>\n` : '';
  for (const [index, { role, content }] of messages.entries()) {
    text += `<|im_start|>${role}\n`;
    for (const part of typeof content === 'string'
      ? [{ type: 'text', text: content }]
      : (content ?? [])) {
      if (part.type === 'text') text += part.text ?? '';
      else {
        const count = expandImages ? imageTokens(part.image_url?.url ?? '') : 1;
        text += `<|vision_start|>${'<|image_pad|>'.repeat(count)}<|vision_end|>`;
      }
    }
    if (!(continueFinalMessage && index === messages.length - 1)) text += '<|im_end|>\n';
  }
  if (addGenerationPrompt) text += '<|im_start|>assistant\n';
  return tokenize(text);
}

/** One token for every 28 × 28 pixels of a PNG in a data URL. */
function imageTokens(url: string): number {
  const png = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
  if (!url.startsWith('data:image/png;base64,') || png.toString('latin1', 1, 4) !== 'PNG') {
    throw new Error('not a PNG in a data URL');
  }
  return Math.ceil(png.readUInt32BE(16) / 28) * Math.ceil(png.readUInt32BE(20) / 28);
}

/** ln p(id | prefix) of the model itself: a softmax over logits 3 sin(id · (7 + sum of the prefix)). */
export function logProbability(prefix: readonly number[], id: number, temperature = 1): number {
  const state = 7 + prefix.reduce((sum, token, index) => (sum + token * (index + 1)) % 1009, 0);
  const logits = Array.from(
    { length: vocabularySize },
    (_, token) => (3 * Math.sin(token * state)) / temperature,
  );
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
  return (logits[id] ?? Number.NaN) - Math.log(sum);
}
