import { callModel, requireLength } from '../call-model.js';
import { AttributionError } from '../errors.js';
import type { ImageVariant } from '../model.js';
import type { Baseline } from './baseline.js';

/** The image rows that the vision tower gives for a grey picture of the same size. */
export const greyImage: Baseline = imageVariant('greyImage', 'grey');

/** The image rows that the vision tower gives for the blurred picture: colors stay, details go. */
export const blurredImage: Baseline = imageVariant('blurredImage', 'blurred');

function imageVariant(name: string, variant: ImageVariant): Baseline {
  return {
    name,
    fill: async ({ model, input, rows, tokens, hiddenSize, signal }, baseline) => {
      if (rows.length === 0) return;
      if (model.imageVariants?.includes(variant) !== true) {
        throw new AttributionError(
          'unsupported',
          `Baseline "${name}" needs a model whose \`imageVariants\` lists "${variant}". Use "imageMean".`,
        );
      }
      const source = await callModel('embed', signal, () =>
        model.embed?.(input.prompt, { image: variant }),
      );
      requireLength(`embed(image: ${variant})`, source?.embeddings, { P: tokens, H: hiddenSize });
      for (const row of rows) {
        const start = row * hiddenSize;
        baseline.set(source?.embeddings.subarray(start, start + hiddenSize) ?? [], start);
      }
    },
  };
}
