import type { Value } from '../graph/graph-builder.js';
import type { ModelWriter } from './model-writer.js';
import type { VisionSegments } from './vision-blocks.js';
import type { ResolvedVisionOptions } from './vision-options.js';

/** Where each patch lies, and with which others it attends; all values int64 `[patches]` unless said. */
export interface VisionGrid {
  readonly rows: Value;
  readonly columns: Value;
  readonly windows: VisionSegments;
  readonly pictures: VisionSegments;
}

/**
 * Finds the place of every patch from `grid` `[images, 3]` (frames, rows, columns of patches), for any number
 * of pictures of any sizes. Patches come picture by picture, frame by frame, in the order in which they are
 * merged: block by block of `mergeSize²`.
 */
export function visionGrid(
  writer: ModelWriter,
  { pixels, grid }: { readonly pixels: Value; readonly grid: Value },
  options: ResolvedVisionOptions,
): VisionGrid {
  const { ops } = writer;
  const { mergeSize, patchSize, windowSize } = options;
  const divide = (a: Value, b: Value | number): Value => ops.div(a, b);
  const remainder = (a: Value, b: Value | number): Value =>
    ops.emit('Mod', [a, typeof b === 'number' ? ops.int64Scalar(b) : b]);
  const ceilDivide = (a: Value, b: number): Value => divide(ops.add(a, b - 1), b);
  return writer.within('/visual/grid', () => {
    const ofImage = (column: number): Value => ops.gather(grid, ops.int64Scalar(column), 1);
    const [frames, height, width] = [ofImage(0), ofImage(1), ofImage(2)];
    const before = (counts: Value): Value => ops.sub(runningSum(writer, counts), counts);

    const patches = ops.range(ops.size(pixels, 0));
    const ends = runningSum(writer, ops.mul(frames, ops.mul(height, width)));
    const isPast = ops.greaterOrEqual(ops.unsqueeze(patches, [1]), ops.unsqueeze(ends, [0]));
    const image = ops.reduceSum(ops.cast(isPast, 'int64'), [1], false);
    const pick = (perImage: Value): Value => ops.gather(perImage, image, 0);

    const local = ops.sub(patches, pick(before(ops.mul(frames, ops.mul(height, width)))));
    const area = pick(ops.mul(height, width));
    const frame = divide(local, area);
    const inFrame = remainder(local, area);
    const block = divide(inFrame, mergeSize ** 2);
    const inBlock = remainder(inFrame, mergeSize ** 2);
    const blockColumns = pick(divide(width, mergeSize));
    const place = (blocks: Value, inner: Value): Value =>
      ops.add(ops.mul(blocks, mergeSize), inner);
    const rows = place(divide(block, blockColumns), divide(inBlock, mergeSize));
    const columns = place(remainder(block, blockColumns), remainder(inBlock, mergeSize));

    // Windows at the right and lower edge may be cut: their other slots stay empty.
    const side = windowSize / patchSize;
    const across = ceilDivide(width, side);
    const perFrame = ops.mul(ceilDivide(height, side), across);
    const perImage = ops.mul(frames, perFrame);
    const window = ops.add(
      ops.add(pick(before(perImage)), ops.mul(frame, pick(perFrame))),
      ops.add(ops.mul(divide(rows, side), pick(across)), divide(columns, side)),
    );
    const inWindow = ops.add(ops.mul(remainder(rows, side), side), remainder(columns, side));
    const picture = ops.add(pick(before(frames)), frame);
    const largest = ops.reshape(ops.reduceMax(ops.mul(height, width), [0], true), [1]);
    const shared = { patches, options };
    return {
      rows,
      columns,
      windows: slots(writer, {
        ...shared,
        segment: window,
        place: inWindow,
        segments: ops.reduceSum(perImage, [0], true),
        slotsEach: ops.int64([side ** 2]),
      }),
      pictures: slots(writer, {
        ...shared,
        segment: picture,
        place: inFrame,
        segments: ops.reduceSum(frames, [0], true),
        slotsEach: largest,
      }),
    };
  });
}

/** Lays patches out in segments of equal size, by a table of the patch in each slot. */
function slots(
  { ops }: ModelWriter,
  layout: {
    readonly patches: Value;
    readonly segment: Value;
    readonly place: Value;
    /** int64 `[1]` */
    readonly segments: Value;
    /** int64 `[1]` */
    readonly slotsEach: Value;
    readonly options: ResolvedVisionOptions;
  },
): VisionSegments {
  const { patches, segments, slotsEach } = layout;
  const { hidden, heads } = layout.options;
  const headDim = hidden / heads;
  const slot = ops.add(ops.mul(layout.segment, slotsEach), layout.place);
  const count = ops.size(patches, 0);
  const empty = ops.expand(count, ops.mul(segments, slotsEach));
  // The patch in each slot; one past the last where there is none.
  const table = ops.emit('ScatterElements', [empty, slot, patches], { attributes: { axis: 0 } });
  const row = ops.concat([segments, slotsEach], 0);
  const isEmpty = ops.reshape(
    ops.equal(table, count),
    ops.concat([segments, ops.int64([1, 1]), slotsEach], 0),
  );
  return {
    // The lowest float32, as transformers fills it in.
    mask: ops.where(
      isEmpty,
      ops.scalar(-3.4028234663852886e38, 'float32'),
      ops.scalar(0, 'float32'),
    ),
    spread: (value) => {
      const blank = ops.fill(ops.int64([1, heads, headDim]), 0, 'float32');
      const filled = ops.gather(ops.concat([value, blank], 0), table, 0);
      const wide = ops.reshape(filled, ops.concat([row, ops.int64([heads, headDim])], 0));
      return ops.transpose(wide, [0, 2, 1, 3]);
    },
    collect: (value) => {
      const rows = ops.reshape(ops.transpose(value, [0, 2, 1, 3]), [-1, hidden]);
      return ops.gather(rows, slot, 0);
    },
  };
}

function runningSum({ ops }: ModelWriter, counts: Value): Value {
  return ops.emit('CumSum', [counts, ops.int64Scalar(0)]);
}
