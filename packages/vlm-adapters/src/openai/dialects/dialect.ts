import type { SamplingOptions } from '../../types/model.js';

/** What a server offers beyond plain chat, and what to say where it does not. */
export interface ServerOffers {
  /** Ids of sampled tokens and of the prompt. */
  readonly tokenIds: boolean;
  /** Log-probabilities of prompt tokens: scores of given completions. */
  readonly promptLogprobs: boolean;
  /** `/tokenize` and `/detokenize`. */
  readonly tokenize: boolean;
  /** Token ids in streams too. */
  readonly streamedTokenIds: boolean;
}

/** How one kind of server extends OpenAI's chat completions. */
export interface ServerDialect {
  readonly name: string;
  readonly offers: ServerOffers;
  /** Which option of the server brings what is missing, as sentences for errors. */
  readonly hints: Readonly<
    Record<'tokenIds' | 'logprobs' | 'promptLogprobs' | 'processedLogprobs' | 'rawText', string>
  >;
  /**
   * Whether prompts that list tools say `tool_choice: 'none'`, so that a call comes back as the text that was
   * sampled; else the server's own parser decides.
   */
  readonly keepsToolCallsAsText: boolean;
  /** Fields of a generation request. Every one that a model's defaults could change is set. */
  readonly samplingFields: (options: SamplingOptions, seed: number) => Record<string, unknown>;
}

/** Fields that all servers share; those without a value are left to the server where `useGenerationConfig` asks. */
export function givenOrDefault(
  options: SamplingOptions,
  values: Readonly<Record<string, readonly [given: number | undefined, otherwise: number]>>,
): Record<string, number> {
  const fields: Record<string, number> = {};
  for (const [name, [given, otherwise]] of Object.entries(values)) {
    if (given !== undefined) fields[name] = given;
    else if (options.useGenerationConfig !== true) fields[name] = otherwise;
  }
  return fields;
}

/** Stop texts and stop tokens apart. */
export function splitStops(options: SamplingOptions): { texts: string[]; tokenIds: number[] } {
  const texts: string[] = [];
  const tokenIds: number[] = [];
  for (const stop of options.stop ?? []) {
    if (typeof stop === 'string') texts.push(stop);
    else tokenIds.push(stop);
  }
  return { texts, tokenIds };
}
