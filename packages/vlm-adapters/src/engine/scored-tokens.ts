import type { ModelConfig } from '../encode/model-config.js';
import { VlmError } from '../errors.js';
import type { Sequence } from '../types/prompt.js';

/** Tokens of a sequence that a model sampled, in order: those of earlier turns, then the completion. */
export interface ScoredTokens {
  /** Index in the whole sequence; the logits stand one before. */
  readonly indices: Int32Array;
  readonly ids: Int32Array;
}

/** How many log-probabilities a sequence has. */
function scoredCount(sequence: Sequence): number {
  return sequence.prompt.sampled.reduce((sum, flag) => sum + flag, 0) + sequence.completion.length;
}

/**
 * Finds what is to be scored, and checks the sequence before any work.
 *
 * @throws {VlmError} `image-tokens`, `context-length` or `invalid-argument`, naming the sequence.
 */
export function scoredTokens(
  sequence: Sequence,
  index: number,
  config: Pick<ModelConfig, 'imageTokenId' | 'maxPositions' | 'vocabSize'>,
): ScoredTokens {
  const { prompt, completion } = sequence;
  const promptLength = prompt.inputIds.length;
  const length = promptLength + completion.length;
  if (length > config.maxPositions) {
    throw new VlmError(
      'context-length',
      `Sequence ${index} has ${length} tokens and the model's context ${config.maxPositions}.`,
    );
  }
  for (const [place, id] of completion.entries()) {
    if (id === config.imageTokenId) {
      throw new VlmError(
        'image-tokens',
        `Sequence ${index}: token ${place} of the completion is the image placeholder, and no picture belongs to it. Leave this sample out.`,
      );
    }
    if (!Number.isInteger(id) || id < 0 || id >= config.vocabSize) {
      throw new VlmError(
        'invalid-argument',
        `Sequence ${index}: token ${place} of the completion is ${id}, expected a whole number from 0 to ${config.vocabSize - 1}.`,
      );
    }
  }
  const count = scoredCount(sequence);
  const indices = new Int32Array(count);
  const ids = new Int32Array(count);
  let next = 0;
  for (const [place, flag] of prompt.sampled.entries()) {
    if (flag === 0) continue;
    if (place === 0)
      throw new VlmError(
        'invalid-argument',
        `Sequence ${index}: its first token cannot be scored.`,
      );
    indices[next] = place;
    ids[next++] = prompt.inputIds[place] ?? 0;
  }
  for (const [place, id] of completion.entries()) {
    indices[next] = promptLength + place;
    ids[next++] = id;
  }
  if (completion.length > 0 && promptLength === 0)
    throw new VlmError('invalid-argument', `Sequence ${index} has an empty prompt.`);
  return { indices, ids };
}
