import type { TensorLike } from '@iapo/onnx-autograd';
import { tokenInWindowOrder, tokensPerPicture, valuesPerPatch } from '../model/picture-layout.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { TrainingExample } from './example.js';
import { valuesPerPicture, writeWindowPatches } from './pixels.js';

/** Feeds of the training graph, but for weights and cotangents. */
export interface TrainingBatch {
  readonly feeds: Readonly<Record<string, TensorLike>>;
  /** Scored tokens of each example, in the order of `logprobs`. */
  readonly scoredEach: readonly number[];
  readonly scored: number;
}

/** Visual tokens along a side of a picture. */
const side = Math.sqrt(tokensPerPicture);

/** Brings examples to one length by padding on the right. */
export function makeBatch(
  tokenizer: Tokenizer,
  examples: readonly TrainingExample[],
): TrainingBatch {
  const batch = examples.length;
  const length = Math.max(...examples.map(({ ids }) => ids.length));
  const pictures = examples.flatMap(({ images }) => images);
  const pixels = new Float32Array(pictures.length * valuesPerPicture);
  for (const [index, image] of pictures.entries()) {
    const from = index * valuesPerPicture;
    writeWindowPatches(image, pixels.subarray(from, from + valuesPerPicture));
  }
  const rows = new BigInt64Array(batch * length);
  const positions = new BigInt64Array(3 * batch * length);
  const scored: bigint[] = [];
  const targets: bigint[] = [];
  const imageId = tokenizer.idOf('<|image_pad|>');
  let visual = 0;
  for (const [row, { ids, isTarget }] of examples.entries()) {
    for (const [plane, numbers] of rotaryPositions(ids, imageId).entries()) {
      for (const [at, position] of numbers.entries()) {
        positions[(plane * batch + row) * length + at] = BigInt(position);
      }
    }
    for (const [at, id] of ids.entries()) {
      const inPicture = visual % tokensPerPicture;
      const isVisual = id === imageId;
      const place = visual - inPicture + (tokenInWindowOrder[inPicture] ?? 0);
      rows[row * length + at] = BigInt(isVisual ? tokenizer.size + place : id);
      if (isVisual) visual++;
      if (at === 0 || isTarget[at] !== true) continue;
      scored.push(BigInt(row * length + at - 1));
      targets.push(BigInt(id));
    }
  }
  if (visual !== pictures.length * tokensPerPicture) {
    throw new RangeError(
      `${visual} visual tokens do not fit ${pictures.length} pictures of ${tokensPerPicture} tokens each.`,
    );
  }
  const int64 = (data: BigInt64Array, dims: number[]): TensorLike => ({
    type: 'int64',
    dims,
    data,
  });
  const patches = pixels.length / valuesPerPatch;
  return {
    feeds: {
      pixels: { type: 'float32', dims: [patches, valuesPerPatch], data: pixels },
      rows: int64(rows, [batch, length]),
      positions: int64(positions, [3, batch, length]),
      scored: int64(BigInt64Array.from(scored), [scored.length]),
      targets: int64(BigInt64Array.from(targets), [targets.length]),
    },
    scoredEach: examples.map(({ isTarget }) => isTarget.slice(1).filter(Boolean).length),
    scored: scored.length,
  };
}

/**
 * Positions of time, row and column: text counts on all three at once; a picture's tokens share their time and
 * count rows and columns, and text goes on after the largest (Qwen2-VL's mRoPE).
 */
export function rotaryPositions(
  ids: readonly number[],
  imageId: number,
  grid: { readonly rows: number; readonly columns: number } = { rows: side, columns: side },
): [number[], number[], number[]] {
  const planes: [number[], number[], number[]] = [[], [], []];
  let next = 0;
  for (let at = 0; at < ids.length; ) {
    if (ids[at] !== imageId) {
      for (const plane of planes) plane.push(next);
      next++;
      at++;
      continue;
    }
    for (let token = 0; token < grid.rows * grid.columns; token++, at++) {
      planes[0].push(next);
      planes[1].push(next + Math.floor(token / grid.columns));
      planes[2].push(next + (token % grid.columns));
    }
    next += Math.max(grid.rows, grid.columns);
  }
  return planes;
}
