import type { TextSpan } from '../python/tokens.js';
import type { ToolTable } from '../tools/visual-tool.js';

export type { TextSpan } from '../python/tokens.js';

/** Which image a call works on: the n-th image of the conversation (from 0), or an earlier call's. */
export type ImageReference =
  | { readonly kind: 'image'; readonly index: number }
  | { readonly kind: 'call'; readonly index: number };

/** The boxes that a `vtool-python` call names by variable or writes out. */
export type BoxesReference =
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: Readonly<Record<string, unknown>> };

/** Where one argument stands. `name` is null for a positional argument. */
export interface ArgumentSpan {
  readonly argument: string;
  readonly name: TextSpan | null;
  readonly value: TextSpan;
}

/** Where the parts of a call stand in the text, for attribution by part. */
export interface CallSpans {
  readonly call: TextSpan;
  readonly name: TextSpan;
  readonly arguments: readonly ArgumentSpan[];
}

/** One tool call. `arguments` holds plain data only. */
export interface ToolCall {
  /** The id that a structured call came with. */
  readonly id?: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Absent: the newest image of the conversation. */
  readonly image?: ImageReference;
  readonly boxes?: BoxesReference;
  readonly spans: CallSpans;
}

/** Why a text gives no usable call. */
export type ParseFailureKind =
  | 'no-call'
  | 'malformed'
  | 'unknown-tool'
  | 'bad-arguments'
  | 'several-calls'
  | 'too-large';

/** A failure, with the stretch of the text at fault (the whole text where nothing was found). */
export interface ParseFailure {
  readonly kind: ParseFailureKind;
  readonly message: string;
  readonly span: TextSpan;
}

/** Something that lenient reading put right; a signal for format rewards. */
export interface Repair {
  readonly kind:
    | 'backslash'
    | 'bare-key'
    | 'bare-word'
    | 'comment'
    | 'control-character'
    | 'cut-off'
    | 'fence'
    | 'field-name'
    | 'indent'
    | 'missing-comma'
    | 'missing-display'
    | 'missing-tag'
    | 'number'
    | 'quotes'
    | 'string-arguments'
    | 'surrounding-text'
    | 'trailing-comma';
  readonly span: TextSpan;
}

/** What {@link parseToolCalls} found. `ok` holds exactly where `failure` is null. */
export interface ParsedToolCalls {
  readonly ok: boolean;
  /** The calls that could be read, also where a later one failed. */
  readonly calls: readonly ToolCall[];
  readonly failure: ParseFailure | null;
  /** Empty unless `lenient`. */
  readonly repairs: readonly Repair[];
  /** The image that the text asks to see; null: the last call's. */
  readonly display: ImageReference | null;
  /** The text that all spans refer to. */
  readonly text: string;
}

/** Bounds on what is read, so that no text can cost more than a few milliseconds. */
export interface ParseLimits {
  /** Longest text in UTF-16 code units. Default 32,768: four times the longest reply of VTool-R1. */
  readonly maxLength: number;
  /** Deepest nesting of brackets. Default 16. */
  readonly maxDepth: number;
  /** Most calls in a text. Default: the dialect's (1 for JSON, 8 for chained Python calls). */
  readonly maxCalls: number;
}

/** What a dialect reads from a text, before names and arguments are checked. */
export interface DialectReading {
  readonly calls: readonly ToolCall[];
  readonly failure: ParseFailure | null;
  readonly repairs: readonly Repair[];
  readonly display?: ImageReference | null;
}

/** What a dialect may use. */
export interface DialectContext {
  readonly lenient: boolean;
  readonly limits: ParseLimits;
  /** For positional arguments; null where the caller wants no check against tools. */
  readonly tools: ToolTable | null;
}

/** One way in which models write tool calls. A user's own can be given to `parseToolCalls`. */
export interface ToolCallDialect {
  readonly name: string;
  /** Default of `maxCalls`. */
  readonly maxCalls: number;
  /** Reads calls. Must not throw for any text, and must take time linear in its length. */
  read(text: string, context: DialectContext): DialectReading;
}
