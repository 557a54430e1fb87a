import { createSession, type OnnxModel, type TensorLike } from '../../../src/index.js';

/** Small sizes, none equal to another. */
export const smallShape = {
  layers: 2,
  hidden: 64,
  heads: 4,
  keyValueHeads: 2,
  feedForward: 96,
  vocabulary: 50,
} as const;

export interface DecoderFeedOptions {
  /** Tokens of each row. Default 7. */
  readonly length?: number;
  /** Position of the first of them. Default 0. */
  readonly start?: number;
  readonly batch?: number;
  /** 0 marks padding, row by row; default all 1. */
  readonly mask?: readonly number[];
  /** Presents of an earlier run, which become the past. */
  readonly presents?: Readonly<Record<string, TensorLike>>;
}

export function int64Tensor(dims: readonly number[], values: readonly number[]): TensorLike {
  return { type: 'int64', dims, data: BigInt64Array.from(values.map(BigInt)) };
}

/** Feeds for a generated decoder; embeddings depend on row and position alone. */
export function decoderFeeds(
  model: OnnxModel,
  options: DecoderFeedOptions = {},
): Record<string, TensorLike> {
  const { length = 7, start = 0, batch = 1, presents } = options;
  const { mask = new Array<number>(batch * (start + length)).fill(1) } = options;
  const rows = Array.from({ length: batch }, (_, row) => row);
  const positions = Array.from({ length }, (_, index) => start + index);
  const feeds: Record<string, TensorLike> = {};
  for (const { name, shape = [] } of model.graph.inputs) {
    const width = Number(shape.at(-1));
    if (name === 'inputs_embeds') {
      const data = Float32Array.from(
        rows.flatMap((row) =>
          positions.flatMap((position) =>
            Array.from({ length: width }, (_, i) => Math.sin(1 + i + 71 * position + 13 * row)),
          ),
        ),
      );
      feeds[name] = { type: 'float32', dims: [batch, length, width], data };
    } else if (name === 'attention_mask') {
      feeds[name] = int64Tensor([batch, start + length], mask);
    } else if (name === 'position_ids' && shape.length === 3) {
      // Three different planes, so that the sections matter.
      const planes = [positions, positions.map((p) => p + 1), positions.map((p) => 2 * p)];
      feeds[name] = int64Tensor(
        [3, batch, length],
        planes.flatMap((plane) => rows.flatMap(() => plane)),
      );
    } else if (name === 'position_ids') {
      feeds[name] = int64Tensor(
        [batch, length],
        rows.flatMap(() => positions),
      );
    } else {
      const dims = [batch, Number(shape[1]), 0, width];
      const present = presents?.[name.replace('past_key_values', 'present')];
      feeds[name] = present ?? { type: 'float32', dims, data: new Float32Array(0) };
    }
  }
  return feeds;
}

export async function runModel(
  model: OnnxModel,
  feeds: Record<string, TensorLike>,
): Promise<Record<string, TensorLike>> {
  const session = await createSession(model);
  try {
    return await session.run(feeds);
  } finally {
    await session.dispose();
  }
}
