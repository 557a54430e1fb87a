import type { Baseline } from './baseline.js';
import { blurredImage, greyImage } from './image-variant.js';
import { blockMean, imageMean } from './means.js';
import { pad, token } from './token.js';
import { vocabularyMean } from './vocabulary-mean.js';
import { zero } from './zero.js';

export type BaselineName =
  | 'vocabularyMean'
  | 'zero'
  | 'token'
  | 'pad'
  | 'blockMean'
  | 'imageMean'
  | 'greyImage'
  | 'blurredImage';

/** Baselines by name; `customBaseline(rows)` takes rows of your own. */
export const baselines: Readonly<Record<BaselineName, Baseline>> = {
  vocabularyMean,
  zero,
  token,
  pad,
  blockMean,
  imageMean,
  greyImage,
  blurredImage,
};
