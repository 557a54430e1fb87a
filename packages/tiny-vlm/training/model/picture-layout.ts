import { mergeSize, patchSize, temporalPatchSize, windowSize } from './architecture.js';

/** Patches along a side of the pictures that are trained on, 64×64 pixels. */
const side = 64 / patchSize;
export const patchesPerPicture: number = side ** 2;
export const tokensPerPicture: number = patchesPerPicture / mergeSize ** 2;
/** Patches of one window, which follow each other in {@link windowOrder}. */
export const patchesPerWindow: number = (windowSize / patchSize) ** 2;
/** Numbers in a patch: both frames of all channels. */
export const valuesPerPatch: number = 3 * temporalPatchSize * patchSize ** 2;

/** Where a patch lies, in patches. */
export interface PatchPlace {
  readonly row: number;
  readonly column: number;
}

/** Patches in the order of the processor: block by block of 2×2, blocks row by row. */
export const processorOrder: readonly PatchPlace[] = Array.from(
  { length: patchesPerPicture },
  (_, index) => {
    const block = Math.floor(index / mergeSize ** 2);
    const inner = index % mergeSize ** 2;
    const blocks = side / mergeSize;
    return {
      row: Math.floor(block / blocks) * mergeSize + Math.floor(inner / mergeSize),
      column: (block % blocks) * mergeSize + (inner % mergeSize),
    };
  },
);

/**
 * Positions in the processor's order, window by window: in this order windows are slices, and whole blocks stay
 * together, so that training needs no gathering of patches.
 */
export const windowOrder: readonly number[] = processorOrder
  .map((place, index) => ({ window: windowOf(place), index }))
  .sort((a, b) => a.window - b.window || a.index - b.index)
  .map(({ index }) => index);

/** The n-th visual token of the picture is this one in window order. */
export const tokenInWindowOrder: readonly number[] = Array.from(
  { length: tokensPerPicture },
  (_, token) => windowOrder.indexOf(token * mergeSize ** 2) / mergeSize ** 2,
);

function windowOf({ row, column }: PatchPlace): number {
  const patches = windowSize / patchSize;
  return Math.floor(row / patches) * (side / patches) + Math.floor(column / patches);
}
