import { AttributionError } from './errors.js';

export type Modality = 'text' | 'image';

/** Where a picture's tokens lie in the prompt, row by row from the top left. */
export interface PromptImage {
  readonly firstToken: number;
  readonly rows: number;
  readonly columns: number;
  /** `data:` URL of the picture, drawn under the overlay by `renderAttribution`. */
  readonly dataUrl?: string;
}

/** What is explained: a completion (the tool call) given a prompt whose tokens belong to blocks. */
export interface AttributionInput<Prompt = unknown> {
  /** Handed to the model untouched. */
  readonly prompt: Prompt;
  /** Token ids of the completion, at least one. */
  readonly completion: readonly number[];
  /** Block of every prompt token, length `P`; `null` = in no block (padding). For IAPO: P, R, I, T. */
  readonly blocks: readonly (string | null)[];
  /** Blocks that the result must list even when no token is in them; default: those that occur. */
  readonly blockNames?: readonly string[];
  /** Text of every prompt token, length `P`; needed by word and tool players and by rendering. */
  readonly tokens?: readonly string[];
  /** Text of every completion token; needed by target spans (tool name, arguments). */
  readonly completionTokens?: readonly string[];
  /** Default: `image` for the tokens of `images` and of a block named `I`, else `text`. */
  readonly modalities?: readonly Modality[];
  readonly images?: readonly PromptImage[];
  /** True for control tokens (BOS, role markers), which can soak up attribution; see `exclude`. */
  readonly specialTokens?: readonly boolean[];
  /** Makes the prompt that lacks the tokens whose entry is 0; for models that see prompts only. */
  readonly maskPrompt?: (keep: Uint8Array) => Prompt;
  /** Kept in the result: identifies the sample in caches. */
  readonly id?: string;
}

/** Block letter of image placeholders in IAPO's P, R, I, T. */
const imageBlockName = 'I';

/**
 * Checks an input before any model is called.
 *
 * @throws {AttributionError} `bad-input`, naming the field, expected and got.
 */
export function checkInput(input: AttributionInput): void {
  const prompts = input.blocks.length;
  if (prompts === 0) {
    throw new AttributionError(
      'bad-input',
      '`blocks` is empty: the prompt has no token to explain.',
    );
  }
  if (input.completion.length === 0) {
    throw new AttributionError(
      'bad-input',
      '`completion` is empty: there is no token whose probability could be explained. Skip this sample.',
    );
  }
  for (const [index, id] of input.completion.entries()) {
    if (!Number.isInteger(id) || id < 0) {
      throw new AttributionError(
        'bad-input',
        `\`completion[${index}]\` must be a token id (an integer of at least 0), got ${id}.`,
      );
    }
  }
  checkLength('tokens', input.tokens, prompts, 'blocks');
  checkLength('modalities', input.modalities, prompts, 'blocks');
  checkLength('specialTokens', input.specialTokens, prompts, 'blocks');
  checkLength('completionTokens', input.completionTokens, input.completion.length, 'completion');
  for (const [index, image] of (input.images ?? []).entries()) {
    const end = image.firstToken + image.rows * image.columns;
    if (!(image.firstToken >= 0 && image.rows > 0 && image.columns > 0 && end <= prompts)) {
      throw new AttributionError(
        'bad-input',
        `\`images[${index}]\` covers tokens ${image.firstToken} to ${end}, but the prompt has ${prompts}.`,
      );
    }
  }
}

/** Block names of an input: those asked for, then those that occur, in order of first appearance. */
export function listBlockNames(input: AttributionInput): string[] {
  const names = new Set<string>(input.blockNames ?? []);
  for (const name of input.blocks) {
    if (name !== null) names.add(name);
  }
  if (names.size === 0) {
    throw new AttributionError(
      'bad-input',
      '`blocks` holds only null: no token belongs to a block.',
    );
  }
  return [...names];
}

/** Modality of every prompt token. */
export function listModalities(input: AttributionInput): Modality[] {
  if (input.modalities !== undefined) return [...input.modalities];
  const modalities = input.blocks.map(
    (name): Modality => (name === imageBlockName ? 'image' : 'text'),
  );
  for (const { firstToken, rows, columns } of input.images ?? []) {
    modalities.fill('image', firstToken, firstToken + rows * columns);
  }
  return modalities;
}

function checkLength(
  name: string,
  values: readonly unknown[] | undefined,
  expected: number,
  reference: string,
): void {
  if (values !== undefined && values.length !== expected) {
    throw new AttributionError(
      'bad-input',
      `\`${name}\` must be as long as \`${reference}\`: expected ${expected}, got ${values.length}.`,
    );
  }
}
