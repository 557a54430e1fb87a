import type { ModelConfig } from '../encode/model-config.js';
import type { JsonObject } from '../encode/model-files.js';
import type { AddedToken } from '../encode/tokenizer.js';
import type { ImageSize, RgbImage } from '../images/rgb-image.js';
import type { FeatureGrid, PlainTensor } from '../types/prompt.js';

/** A stretch of what stands in the prompt for one picture. */
export interface ImageText {
  readonly text: string;
  /** Whether these are the tokens at whose places rows of image features stand. */
  readonly isPlaceholder: boolean;
}

/** What becomes of a picture, known from its size alone. */
export interface ImagePlan {
  /** What the marker in the rendered prompt is replaced by. */
  readonly text: readonly ImageText[];
  /** Placeholder tokens, and rows of features. */
  readonly tokens: number;
  /** Rows and columns in which the features cover the picture, in reading order; `null` where they do not. */
  readonly grid: FeatureGrid | null;
  /** Feeds of the vision encoder. */
  process(image: RgbImage): Readonly<Record<string, PlainTensor>>;
}

/** How one model's pictures are processed. */
export interface ImageProcessor {
  /** What the chat template writes for a picture. */
  readonly marker: string;
  /** The token that is repeated; its id is the model's image token. */
  readonly placeholder: string;
  /** @throws {VlmError} `image` if the family cannot take pictures of this shape. */
  plan(size: ImageSize, name: string): ImagePlan;
}

export interface FamilyContext {
  readonly config: ModelConfig;
  /** `preprocessor_config.json`. */
  readonly preprocessor: JsonObject;
  /** `processor_config.json`; empty if there is none. */
  readonly processor: JsonObject;
  readonly tokenizerConfig: JsonObject;
  /** The text of a token, if the vocabulary has one with this number. */
  readonly tokenContent: (id: number) => string | undefined;
}

/** Where PEFT's module names and the names in ONNX graphs come from. */
export interface ModuleNames {
  /** Of the text model's layers: `model.language_model.layers.`. */
  readonly textLayers: string;
  /** Of the vision encoder's blocks: `model.visual.blocks.`. */
  readonly visionLayers: string;
}

/**
 * A family of vision-language models: everything in which it differs from the others. To add one, write a file with
 * such an object and its line in `index.ts`.
 */
export interface ModelFamily {
  readonly name: string;
  /** `model_type` in `config.json`. */
  readonly modelTypes: readonly string[];
  /** Planes of position ids: 1, or 3 for time, height and width (mRoPE), which follow the pictures' grids. */
  readonly positionPlanes: 1 | 3;
  /** The chat template reads parts only, so text alone is passed as one part. Else messages go in as they are. */
  readonly takesPartsOnly: boolean;
  /**
   * Whether an added token is a piece of ordinary text, to be recognized in what users write: SentencePiece
   * vocabularies list runs of line breaks among the added tokens.
   */
  readonly isOrdinaryText: (token: AddedToken) => boolean;
  /**
   * Features that are added after the first text layers besides those that stand at the placeholders: outputs of the
   * vision encoder `[layers, tokens, hidden]`, and the decoder's input `[layers, batch, sequence, hidden]` where the
   * graph has it.
   */
  readonly deepstack: { readonly visionOutput: string; readonly decoderInput: string } | null;
  readonly modules: ModuleNames;
  /** @throws {VlmError} `model-file` if the settings are not as the family needs them. */
  readonly imageProcessor: (context: FamilyContext) => ImageProcessor;
}
