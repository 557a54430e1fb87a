import { VlmError } from '../errors.js';
import type { ImagePlan, ImageProcessor, ModelFamily } from '../families/family.js';
import { modelFamilies } from '../families/index.js';
import type { Message, ToolDefinition } from '../types/message.js';
import type { Completion } from '../types/model.js';
import type { EncodedPrompt, PreparedPrompt } from '../types/prompt.js';
import { type Assembled, assemble } from './assemble.js';
import { findChatTemplate, namedTokens } from './chat-files.js';
import { checkMessages, checkTools, withPartsOnly } from './check-messages.js';
import { checkNothingLost } from './check-rendering.js';
import { afterSampled, appendCompletion } from './continue-prompt.js';
import { type ModelConfig, readModelConfig } from './model-config.js';
import { type ModelFiles, readJson, requireJson } from './model-files.js';
import { planImages, prepareImages } from './prepare-images.js';
import { labelPieces, type Segment } from './segments.js';
import { ChatTemplate } from './template/render-chat.js';
import type { Piece } from './template/traced-text.js';
import { TextTokenizer } from './tokenizer.js';

interface ProcessorParts {
  readonly family: ModelFamily;
  readonly config: ModelConfig;
  readonly tokenizer: TextTokenizer;
  readonly template: ChatTemplate;
  readonly specialTokens: ReadonlyMap<string, string>;
  readonly images: ImageProcessor;
}

/** Turns messages into tokens, positions and feeds of the vision encoder, for one model. */
export class PromptProcessor {
  readonly family: ModelFamily;
  readonly config: ModelConfig;
  readonly tokenizer: TextTokenizer;
  readonly #parts: ProcessorParts;

  private constructor(parts: ProcessorParts) {
    this.family = parts.family;
    this.config = parts.config;
    this.tokenizer = parts.tokenizer;
    this.#parts = parts;
  }

  /**
   * Reads the model's settings, tokenizer and chat template.
   *
   * @param options.families Table of families. Default: {@link modelFamilies}.
   * @throws {VlmError} `unknown-family`, or `model-file` if a file is missing or broken.
   */
  static async load(
    files: ModelFiles,
    options: { readonly families?: Readonly<Record<string, ModelFamily>> } = {},
  ): Promise<PromptProcessor> {
    const config = readModelConfig(
      await requireJson(files, 'config.json'),
      await readJson(files, 'generation_config.json'),
    );
    const family = familyOf(config.modelType, options.families ?? modelFamilies);
    const tokenizerConfig = (await readJson(files, 'tokenizer_config.json')) ?? {};
    const tokenizer = new TextTokenizer(
      await requireJson(files, 'tokenizer.json'),
      tokenizerConfig,
    );
    const processor = (await readJson(files, 'processor_config.json')) ?? {};
    const preprocessor = await readJson(files, 'preprocessor_config.json');
    const nested = processor['image_processor'];
    if (preprocessor === null && typeof nested !== 'object')
      throw new VlmError('model-file', `${files.id} has no "preprocessor_config.json".`);
    const source = await findChatTemplate(files, [processor, tokenizerConfig]);
    let template: ChatTemplate;
    try {
      template = new ChatTemplate(source);
    } catch (error) {
      throw new VlmError('model-file', `The chat template of ${files.id} has a syntax error.`, {
        cause: error,
      });
    }
    const images = family.imageProcessor({
      config,
      preprocessor: { ...Object(nested), ...preprocessor },
      processor,
      tokenizerConfig,
      tokenContent: (id) => tokenizer.addedById(id)?.content,
    });
    const placeholder = tokenizer.added(images.placeholder);
    if (placeholder?.id !== config.imageTokenId)
      throw new VlmError(
        'model-file',
        `"${images.placeholder}" is token ${placeholder?.id ?? 'none'} of the tokenizer, and config.json says ` +
          `${config.imageTokenId}: the files belong to different models.`,
      );
    const specialTokens = namedTokens(tokenizerConfig);
    return new PromptProcessor({ family, config, tokenizer, template, specialTokens, images });
  }

  /**
   * Encodes a conversation, up to the header of the assistant's turn.
   *
   * @param options.tools Tools that the model is told of. Default: none.
   * @param options.addGenerationPrompt Default true.
   * @throws {VlmError} `prompt`, `image`, `image-tokens` or `context-length`, before any picture is decoded.
   */
  async prepare(
    messages: readonly Message[],
    options: {
      readonly tools?: readonly ToolDefinition[];
      readonly addGenerationPrompt?: boolean;
    } = {},
  ): Promise<PreparedPrompt> {
    const tools = options.tools ?? [];
    const inputs = checkMessages(messages);
    checkTools(tools);
    const pieces = this.#render(messages, tools, options.addGenerationPrompt ?? true);
    checkNothingLost(pieces, messages, tools);
    const images = await planImages(inputs, this.#parts.images);
    const assembled = this.#assemble(labelPieces(pieces, this.tokenizer), images.plans, 0);
    this.#checkLength(assembled.inputIds.length);
    return {
      ...withoutImageTokens(assembled),
      renderedText: textOf(pieces),
      images: await prepareImages(images, assembled.imageTokens, 0),
      sampled: new Uint8Array(assembled.inputIds.length),
    };
  }

  /**
   * Encodes the next turn: the prompt's tokens and the completion's stay as they are, and the new messages follow.
   *
   * @param completion What the model sampled after `prompt`, with or without the token that ends its turn.
   * @param messages What follows it: a tool's result, a user's message.
   * @returns Pictures of earlier turns are the objects that `prompt` holds.
   * @throws {VlmError} As {@link prepare}; `image-tokens` if the completion holds an image token.
   */
  async prepareNextTurn(
    prompt: EncodedPrompt | PreparedPrompt,
    completion: Pick<Completion, 'tokenIds'>,
    messages: readonly Message[],
  ): Promise<PreparedPrompt> {
    const inputs = checkMessages(messages);
    this.#checkCompletion(completion.tokenIds);
    // The template needs a conversation to continue. What stands before the new messages is cut off again, so its
    // words do not matter, only that an assistant's turn is being closed.
    const stub: readonly Message[] = [
      { role: 'user', content: '-' },
      { role: 'assistant', content: '-' },
    ];
    const pieces = this.#render([...stub, ...messages], [], true);
    const said = pieces.findLastIndex(
      ({ source }) => source.kind === 'message' && source.index === 1 && source.field === 'text',
    );
    if (said < 0)
      throw new VlmError('prompt', 'The chat template leaves out what the assistant said.');
    const following = pieces.slice(said + 1);
    checkNothingLost(following, [...stub, ...messages], [], stub.length);
    const images = await planImages(inputs, this.#parts.images);
    const head = appendCompletion(prompt, completion.tokenIds, this.tokenizer);
    const segments = afterSampled(
      labelPieces(following, this.tokenizer),
      completion.tokenIds.at(-1),
      this.tokenizer,
    );
    const start = prompt.nextPosition + completion.tokenIds.length;
    const tail = this.#assemble(segments, images.plans, start);
    const length = head.inputIds.length + tail.inputIds.length;
    this.#checkLength(length);
    const sampled = new Uint8Array(length);
    sampled.set(prompt.sampled);
    sampled.fill(1, prompt.inputIds.length, head.inputIds.length);
    return {
      inputIds: Int32Array.from([...head.inputIds, ...tail.inputIds]),
      positionIds: head.positionIds.map((plane, index) =>
        Int32Array.from([...plane, ...(tail.positionIds[index] ?? [])]),
      ),
      nextPosition: tail.nextPosition,
      text: head.text + tail.text,
      renderedText: prompt.renderedText + head.completionText + textOf(segments),
      blocks: [...head.blocks, ...tail.blocks],
      characters: Int32Array.from([
        ...head.starts,
        ...tail.characters.map((offset) => offset + head.text.length),
      ]),
      images: [
        ...prompt.images,
        ...(await prepareImages(images, tail.imageTokens, head.inputIds.length)),
      ],
      sampled,
    };
  }

  /** Text of tokens, special ones included. */
  decode(ids: readonly number[]): string {
    return this.tokenizer.decode(ids);
  }

  /** Tokens of what a model said: special tokens that the text spells are recognized. */
  tokenize(text: string): number[] {
    return [...this.tokenizer.encode(text, () => true).ids];
  }

  /** Text of one token; parts of a character are U+FFFD. */
  tokenText(id: number): string {
    return this.tokenizer.decode([id]);
  }

  #render(
    messages: readonly Message[],
    tools: readonly ToolDefinition[],
    addGenerationPrompt: boolean,
  ): readonly Piece[] {
    const { template, specialTokens, family } = this.#parts;
    try {
      const input = {
        messages: family.takesPartsOnly ? withPartsOnly(messages) : messages,
        tools,
        addGenerationPrompt,
        specialTokens,
      };
      const pieces = template.render(input);
      const isComplete = tools.length === 0 || pieces.some(({ source }) => source.kind === 'tools');
      return isComplete ? pieces : template.renderDescribingTools(input);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new VlmError('prompt', `The chat template cannot take these messages: ${reason}.`, {
        cause: error,
      });
    }
  }

  #assemble(segments: readonly Segment[], plans: readonly ImagePlan[], start: number): Assembled {
    return assemble(segments, plans, {
      tokenizer: this.tokenizer,
      family: this.family,
      marker: this.#parts.images.marker,
      imageTokenId: this.config.imageTokenId,
      start,
    });
  }

  #checkLength(tokens: number): void {
    const { maxPositions } = this.config;
    if (tokens > maxPositions)
      throw new VlmError(
        'context-length',
        `The prompt has ${tokens} tokens and the model's context ${maxPositions}: leave out messages, offer fewer tools, or make ` +
          'pictures smaller.',
      );
  }

  #checkCompletion(ids: readonly number[]): void {
    for (const [index, id] of ids.entries()) {
      if (id === this.config.imageTokenId)
        throw new VlmError(
          'image-tokens',
          `The completion holds an image token (token ${index}) to which no picture belongs: leave this sample out.`,
        );
      if (!Number.isInteger(id) || id < 0 || id >= this.config.vocabSize)
        throw new VlmError(
          'invalid-argument',
          `Token ${index} of the completion, ${id}, is no token.`,
        );
    }
  }
}

function familyOf(modelType: string, families: Readonly<Record<string, ModelFamily>>): ModelFamily {
  const known = Object.values(families);
  const family = known.find(({ modelTypes }) => modelTypes.includes(modelType));
  if (family !== undefined) return family;
  const list = known.flatMap(({ modelTypes }) => modelTypes).join(', ');
  throw new VlmError(
    'unknown-family',
    `config.json has the model_type "${modelType}". Known: ${list}. To add a family, write a file with a ModelFamily ` +
      '(positions, image processing, module names) and its line in the families table.',
  );
}

function textOf(pieces: readonly { readonly text: string }[]): string {
  return pieces.map(({ text }) => text).join('');
}

function withoutImageTokens({
  imageTokens: _,
  ...rest
}: Assembled): Omit<Assembled, 'imageTokens'> {
  return rest;
}
