import type { ImageMetadata } from '../boxes/metadata.js';
import type { Raster } from '../image/raster.js';
import type { JsonSchema, StandardSchema } from '../schema/standard-schema.js';
import type { OcrEngine } from './ocr/ocr-engine.js';
import type { FocusProfileName } from './profiles.js';

/** What a tool may use beside the image and its arguments. */
export interface ToolContext {
  /** The boxes of the image's parts. Tools that name regions need it. */
  readonly metadata?: ImageMetadata;
  /** Which original's pixels the focus tools make. Default `vtool-v2`, the newest of the three. */
  readonly profile?: FocusProfileName;
  /** The engine of the `ocr` tool. Default: Tesseract, loaded on first use. */
  readonly ocr?: OcrEngine;
  readonly signal?: AbortSignal;
}

/** What a tool gives back: a new image, a text, or both. */
export interface ToolResult {
  readonly image?: Raster;
  readonly text?: string;
  /** The boxes as they lie in `image`; absent where they are unchanged. */
  readonly metadata?: ImageMetadata;
}

/** The result of checking arguments: the parsed value, or what is wrong with them. */
export type ArgumentCheck =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      readonly message: string;
      /** The argument at fault, where one can be named. */
      readonly argument: string | null;
    };

/**
 * One thing that a model may do to a picture: a pure function of (image, arguments, context).
 * The input image is never changed. Make one with {@link defineTool}.
 */
export interface VisualTool {
  readonly name: string;
  /** For the model; short, since every definition is in every prompt. */
  readonly description: string;
  readonly inputSchema: StandardSchema;
  /** JSON Schema of the arguments, as a model sees it. */
  readonly parameters: JsonSchema;
  /** Argument names in the order of a positional call (`vtool-python`), without the image. */
  readonly positional: readonly string[];
  /** Checks arguments without running. Must be synchronous. */
  check(argumentsValue: unknown): ArgumentCheck;
  /**
   * Runs the tool.
   * @throws {VqaToolError} `bad-argument` for arguments that do not fit the schema, and the tool's own codes.
   */
  run(image: Raster, argumentsValue: unknown, context?: ToolContext): Promise<ToolResult>;
}

/** Tools by name. */
export type ToolTable = Readonly<Record<string, VisualTool>>;
