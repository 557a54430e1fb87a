import { fileURLToPath } from 'node:url';
import { createSession, type OnnxModel, type TensorLike } from '@iapo/onnx-autograd';

/** Folder of a family's fixture, with a slash at its end. */
export function familyFolder(family: string): string {
  return fileURLToPath(new URL(`../../../../fixtures/models/${family}/`, import.meta.url));
}

/** Numbers that look like embeddings and are the same each time: a linear congruence, scaled to ±1. */
export function madeEmbeddings(count: number): Float32Array {
  let state = 12345;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

export interface DecoderInput {
  /** `[tokens, hidden]` */
  readonly embeddings: Float32Array;
  /** Extra feeds: matrices of an adapter. */
  readonly extra?: Readonly<Record<string, TensorLike>>;
}

/** Logits `[tokens, vocabulary]` of one sequence without a past. */
export async function runDecoder(
  model: OnnxModel,
  hidden: number,
  { embeddings, extra = {} }: DecoderInput,
): Promise<Float32Array> {
  const tokens = embeddings.length / hidden;
  const feeds: Record<string, TensorLike> = { ...extra };
  for (const { name, type, shape } of model.graph.inputs) {
    if (name in feeds) continue;
    if (name === 'inputs_embeds') {
      feeds[name] = { type: 'float32', dims: [1, tokens, hidden], data: embeddings };
    } else if (name === 'attention_mask') {
      feeds[name] = int64([1, tokens], Array(tokens).fill(1));
    } else if (name === 'position_ids') {
      const planes = shape?.length === 3 ? 3 : 1;
      const counted = Array.from({ length: tokens }, (_, index) => index);
      const values = Array.from({ length: planes }, () => counted);
      feeds[name] = int64(planes === 3 ? [3, 1, tokens] : [1, tokens], values.flat());
    } else if (name === 'num_logits_to_keep') feeds[name] = int64([], [0]);
    else if (name === 'use_cache_branch') {
      feeds[name] = { type: 'bool', dims: [1], data: Uint8Array.of(0) };
    } else if (name.startsWith('past_key_values.')) {
      const [, heads, , size] = shape ?? [];
      const data = type === 'float16' ? new Uint16Array(0) : new Float32Array(0);
      // onnxruntime-genai's builder names the head size instead of giving it: 16 in its fixtures.
      const dims = [1, Number(heads), 0, typeof size === 'number' ? size : 16];
      feeds[name] = { type: type ?? 'float32', dims, data };
    }
  }
  const session = await createSession(model);
  try {
    const { logits } = await session.run(feeds);
    return Float32Array.from(logits?.data as Float32Array);
  } finally {
    await session.dispose();
  }
}

function int64(dims: number[], values: readonly number[]): TensorLike {
  return { type: 'int64', dims, data: BigInt64Array.from(values.map(BigInt)) };
}

export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} numbers, expected ${b.length}`);
  let largest = 0;
  for (const [index, value] of a.entries()) {
    const difference = Math.abs(value - (b[index] ?? Number.NaN));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
