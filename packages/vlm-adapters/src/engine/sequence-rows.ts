import type { ModelConfig } from '../encode/model-config.js';
import type { Sequence } from '../types/prompt.js';
import type { DecoderRow } from './decoder-feeds.js';
import type { EmbeddingTable } from './embedding-table.js';
import { deepstackRows, promptEmbeddings, sequencePositions } from './prompt-rows.js';
import { type ScoredTokens, scoredTokens } from './scored-tokens.js';

/** Checks sequences, all before any work, and finds their scored tokens. */
export function checkSequences(
  sequences: readonly Sequence[],
  config: ModelConfig,
): ScoredTokens[] {
  return sequences.map((sequence, index) => scoredTokens(sequence, index, config));
}

/** A sequence as the decoder takes it. The last completion token is never an input, but its row does no harm. */
export async function sequenceRow(
  { prompt, completion }: Sequence,
  scored: ScoredTokens,
  table: EmbeddingTable,
  config: ModelConfig,
  given?: Float32Array,
): Promise<DecoderRow> {
  const { hiddenSize: hidden } = config;
  const own = given ?? (await promptEmbeddings(prompt, table, hidden, config.imageTokenId));
  const length = prompt.inputIds.length + completion.length;
  const embeddings = new Float32Array(length * hidden);
  embeddings.set(own);
  embeddings.set(await table.rows(completion), own.length);
  return {
    embeddings,
    positions: sequencePositions(prompt, completion.length),
    scored,
    deepstack: deepstackRows(prompt, length, hidden),
  };
}
