/** 8-bit pixels, rows from the top, not premultiplied; the form that `@iapo/vqa-tools` uses too. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** 3 for RGB, 4 for RGBA. */
  readonly channels: 3 | 4;
  /** `[height, width, channels]`. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** A picture: pixels, an encoded file's bytes, or a path or `file:`/`data:` URL of one. */
export type ImageInput = Raster | Uint8Array | string | URL;

export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly image: ImageInput };

/** A call of a tool, as chat templates take it. */
export interface ToolCall {
  readonly id?: string;
  readonly type?: 'function';
  readonly function: {
    readonly name: string;
    readonly arguments: Readonly<Record<string, unknown>>;
  };
}

/** One message of a conversation, in the usual chat form. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string | readonly ContentPart[];
  /** Of assistants: calls that the message makes besides its content. */
  readonly tool_calls?: readonly ToolCall[];
  /** Of tools: the call that is answered. */
  readonly tool_call_id?: string;
  readonly name?: string;
}

/** A tool as models are told of it: JSON Schema in the function-calling form. */
export interface ToolDefinition {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description?: string;
    readonly parameters?: Readonly<Record<string, unknown>>;
  };
}
