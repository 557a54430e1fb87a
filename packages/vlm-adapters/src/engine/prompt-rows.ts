import { VlmError } from '../errors.js';
import type { EncodedPrompt } from '../types/prompt.js';
import type { EmbeddingTable } from './embedding-table.js';

/** `[tokens, hidden]`: rows of the table, with the features of pictures at their placeholders. */
export async function promptEmbeddings(
  prompt: EncodedPrompt,
  table: EmbeddingTable,
  hidden: number,
  imageTokenId: number,
): Promise<Float32Array> {
  const rows = (await table.rows(prompt.inputIds)).slice();
  const placeholders = prompt.inputIds.reduce((sum, id) => sum + (id === imageTokenId ? 1 : 0), 0);
  const features = prompt.images.reduce((sum, { tokens }) => sum + tokens.length, 0);
  if (placeholders !== features) {
    throw new VlmError(
      'image-tokens',
      `The prompt has ${placeholders} image tokens and its pictures ${features} features: encode it again.`,
    );
  }
  for (const image of prompt.images) {
    for (const [index, token] of image.tokens.entries()) {
      rows.set(image.features.subarray(index * hidden, (index + 1) * hidden), token * hidden);
    }
  }
  return rows;
}

/** `[layers, length, hidden]`, zeros at text; `null` for a prompt whose pictures have none. */
export function deepstackRows(
  prompt: EncodedPrompt,
  length: number,
  hidden: number,
): Float32Array | null {
  const layers = Math.max(
    0,
    ...prompt.images.map(({ deepstack, features }) =>
      deepstack === null ? 0 : deepstack.length / features.length,
    ),
  );
  if (layers === 0) return null;
  const rows = new Float32Array(layers * length * hidden);
  for (const { deepstack, tokens } of prompt.images) {
    if (deepstack === null) continue;
    for (let layer = 0; layer < layers; layer++) {
      for (const [index, token] of tokens.entries()) {
        const from = (layer * tokens.length + index) * hidden;
        rows.set(deepstack.subarray(from, from + hidden), (layer * length + token) * hidden);
      }
    }
  }
  return rows;
}

/** Positions of a prompt and of `following` tokens after it. */
export function sequencePositions(prompt: EncodedPrompt, following: number): Int32Array[] {
  return prompt.positionIds.map((plane) => {
    const positions = new Int32Array(plane.length + following);
    positions.set(plane);
    for (let index = 0; index < following; index++)
      positions[plane.length + index] = prompt.nextPosition + index;
    return positions;
  });
}
