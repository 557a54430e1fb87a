import type { DecoderOptions, VisionOptions } from '@iapo/onnx-autograd/generator';

/** Sizes of one model; all else is the same for all of them. */
export interface Architecture {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly feedForward: number;
  readonly vision: {
    readonly depth: number;
    readonly hidden: number;
    readonly heads: number;
    readonly feedForward: number;
    /** Blocks that attend to the whole picture. */
    readonly fullAttentionBlocks: readonly number[];
  };
}

/** The models by name; the student has the base's sizes. */
export const architectures = {
  base: {
    layers: 3,
    hidden: 128,
    heads: 8,
    keyValueHeads: 4,
    feedForward: 320,
    vision: { depth: 2, hidden: 64, heads: 4, feedForward: 128, fullAttentionBlocks: [1] },
  },
  teacher: {
    layers: 4,
    hidden: 144,
    heads: 9,
    keyValueHeads: 3,
    feedForward: 384,
    vision: { depth: 2, hidden: 64, heads: 4, feedForward: 160, fullAttentionBlocks: [1] },
  },
  /** For tests: trains in seconds. */
  miniature: {
    layers: 1,
    hidden: 32,
    heads: 2,
    keyValueHeads: 1,
    feedForward: 48,
    vision: { depth: 2, hidden: 16, heads: 1, feedForward: 24, fullAttentionBlocks: [1] },
  },
} as const satisfies Record<string, Architecture>;

/** Pixels: patches of 8×8, merged two by two, windows of 2×2 tokens. */
export const patchSize = 8;
export const mergeSize = 2;
export const temporalPatchSize = 2;
export const windowSize = 32;
/** Base of the decoder's rotary frequencies, as in Qwen2.5-VL. */
export const ropeTheta = 1_000_000;
/** Base of the vision tower's. */
export const visionRopeTheta = 10_000;
export const maximumPositions = 1024;

export function headDimOf({ hidden, heads }: Architecture): number {
  return hidden / heads;
}

/** A quarter of the frequencies for time, the others for row and column, as in Qwen2.5-VL. */
export function mropeSectionsOf(architecture: Architecture): readonly [number, number, number] {
  const half = headDimOf(architecture) / 2;
  const rest = half - Math.floor(half / 4);
  return [half - rest, Math.floor(rest / 2), Math.ceil(rest / 2)];
}

/** What the generator of decoders takes. */
export function decoderOptions(architecture: Architecture, vocabulary: number): DecoderOptions {
  const { layers, hidden, heads, keyValueHeads, feedForward } = architecture;
  return {
    layers,
    hidden,
    heads,
    keyValueHeads,
    feedForward,
    vocabulary,
    qkvBias: true,
    tied: true,
    ropeTheta,
    maximumPositions,
    mropeSections: mropeSectionsOf(architecture),
  };
}

/** What the generator of vision towers takes. */
export function visionOptions({ hidden, vision }: Architecture): VisionOptions {
  return {
    ...vision,
    outHidden: hidden,
    patchSize,
    mergeSize,
    temporalPatchSize,
    windowSize,
    ropeTheta: visionRopeTheta,
  };
}
