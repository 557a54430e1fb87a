import type { EpisodeMessage, Raster } from '@iapo/vqa-tools';
import { IapoError } from '../errors.js';
import type { AgentPrompt, ExplainedModel, PromptTool, ScoringModel } from './agent-model.js';

/** A conversation as a black box gets it, with what is masked. Its four tokens stand for the four blocks. */
export interface BlackBoxPrompt extends AgentPrompt {
  readonly messages: readonly EpisodeMessage[];
  readonly tools: readonly PromptTool[];
  /** Blocks that are left out when the prompt is scored. */
  readonly absent: ReadonlySet<string>;
}

/** What is asked of a model that only scores conversations; an `OpenAiVlm` fits. */
export interface BlackBoxModel<Prompt> extends ScoringModel<Prompt> {
  readonly id: string;
  encode(
    messages: readonly EpisodeMessage[],
    options?: { readonly tools?: readonly PromptTool[] },
  ): Promise<Prompt>;
}

export interface BlackBoxTeacherOptions {
  /**
   * A local model or tokenizer with the vocabulary of the model: calls are handed over in its tokens. The student
   * itself, where both are of one family.
   */
  readonly vocabulary: {
    decode(tokenIds: readonly number[]): string;
    tokenize?(text: string): readonly number[];
  };
}

/**
 * A teacher that is seen from outside only, such as one behind a server: it scores a call under prompts that lack
 * some of their blocks, which is all that perturbation methods need (`leaveOneOut`, `shapley`, …).
 *
 * How a block is left out: P, the text of system messages becomes empty (a message that is missing would bring the
 * template's own); T, no tool is offered; R, the texts of the other messages go; I, each picture becomes a gray one
 * of its size, so that positions stay. A student masks embeddings instead of messages, so the two must be allowed to
 * differ: `explain: { allow: ['maskMode', 'baseline'] }`.
 *
 * @throws Where the model throws: an `OpenAiVlm` whose server gives no `prompt_logprobs` says which option it lacks.
 * @example
 * const server = new OpenAiVlm({ baseUrl: 'http://localhost:8000/v1', model: 'Qwen/Qwen2.5-VL-7B-Instruct' });
 * const teacher = blackBoxTeacher(server, { vocabulary: student });
 * const explain = { attribution: 'shapley', allow: ['maskMode', 'baseline'] };
 */
export function blackBoxTeacher<Prompt>(
  model: BlackBoxModel<Prompt>,
  { vocabulary }: BlackBoxTeacherOptions,
): ExplainedModel<BlackBoxPrompt> {
  const { tokenize } = vocabulary;
  return {
    id: model.id,
    dtype: 'unknown',
    encode: (messages, { tools = [] } = {}) => Promise.resolve(describe(messages, tools)),
    decode: (tokenIds) => vocabulary.decode(tokenIds),
    ...(tokenize === undefined ? {} : { tokenize: (text) => tokenize.call(vocabulary, text) }),
    maskPrompt: (prompt, keep) => ({
      ...prompt,
      absent: new Set(
        prompt.blocks.flatMap((block, token) =>
          block !== null && keep[token] === 0 ? [block] : [],
        ),
      ),
    }),
    logprobs: async (sequences) =>
      await model.logprobs(
        await Promise.all(
          sequences.map(async ({ prompt, completion }) => ({
            prompt: await model.encode(maskedMessages(prompt), {
              tools: prompt.absent.has('T') ? [] : prompt.tools,
            }),
            completion,
          })),
        ),
      ),
  };
}

/** One token for each block that the conversation has. */
function describe(
  messages: readonly EpisodeMessage[],
  tools: readonly PromptTool[],
): BlackBoxPrompt {
  if (messages.some(({ role }) => role === 'assistant')) {
    throw new IapoError(
      'invalid-option',
      'A black box explains the first turn of a conversation; these messages hold a later one.',
    );
  }
  const textOf = (isSystem: boolean): string =>
    messages
      .filter(({ role }) => (role === 'system') === isSystem)
      .flatMap(({ content }) => content.flatMap((part) => (part.type === 'text' ? part.text : [])))
      .join('\n');
  const pictures = messages.flatMap(({ content }) =>
    content.filter(({ type }) => type === 'image'),
  );
  const parts = [
    { block: 'P', text: textOf(true) },
    { block: 'T', text: tools.map((tool) => JSON.stringify(tool)).join('\n') },
    { block: 'I', text: '[image]'.repeat(pictures.length) },
    { block: 'R', text: textOf(false) },
  ].filter(({ text }) => text !== '');
  const characters = [0];
  for (const { text } of parts) characters.push((characters.at(-1) ?? 0) + text.length);
  return {
    messages,
    tools,
    absent: new Set(),
    inputIds: parts.map((_, index) => index),
    blocks: parts.map(({ block }) => block),
    text: parts.map(({ text }) => text).join(''),
    characters,
    images: [],
  };
}

/** The messages without the absent blocks. */
function maskedMessages({ messages, absent }: BlackBoxPrompt): EpisodeMessage[] {
  return messages.map(({ role, content }) => ({
    role,
    content: content.map((part) => {
      if (part.type === 'image')
        return absent.has('I') ? { ...part, image: gray(part.image) } : part;
      return absent.has(role === 'system' ? 'P' : 'R') ? { ...part, text: '' } : part;
    }),
  }));
}

/** Halfway between black and white, opaque. */
function gray({ width, height, channels }: Raster): Raster {
  const data = new Uint8ClampedArray(width * height * channels).fill(128);
  if (channels === 4) for (let alpha = 3; alpha < data.length; alpha += 4) data[alpha] = 255;
  return { width, height, channels, data };
}
