import { z } from 'zod';
import { parseSettings } from '../encode/model-files.js';
import { VlmError } from '../errors.js';
import { normalizationTable } from '../images/normalize.js';
import { resizeImage } from '../images/resample.js';
import { channelPlanes } from './channel-planes.js';
import type { FamilyContext, ImageProcessor, ModelFamily } from './family.js';
import { commonImageSettings, normalizationOf, resampleFilterOf } from './image-settings.js';

const positive = z.number().int().positive();

const settingsSchema = commonImageSettings.extend({
  size: z.object({ height: positive, width: positive }).default({ height: 224, width: 224 }),
  do_pan_and_scan: z.boolean().nullish(),
  image_seq_length: positive.nullish(),
});

const standard = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

function imageProcessor({
  config,
  preprocessor,
  processor,
  tokenizerConfig,
  tokenContent,
}: FamilyContext): ImageProcessor {
  const settings = parseSettings(settingsSchema, preprocessor, 'preprocessor_config.json');
  if (settings.do_pan_and_scan)
    throw new VlmError(
      'model-file',
      'preprocessor_config.json: "do_pan_and_scan" is not supported: set it to false.',
    );
  const { image_seq_length } = parseSettings(
    z.object({ image_seq_length: positive.nullish() }),
    processor,
    'processor_config.json',
  );
  const { mm_tokens_per_image } = parseSettings(
    z.object({ mm_tokens_per_image: positive.nullish() }),
    config.raw,
    'config.json',
  );
  const tokens = image_seq_length ?? settings.image_seq_length ?? mm_tokens_per_image ?? 256;
  const { boi_token: begin, eoi_token: end } = parseSettings(
    z.object({
      boi_token: z.string().default('<start_of_image>'),
      eoi_token: z.string().default('<end_of_image>'),
    }),
    tokenizerConfig,
    'tokenizer_config.json',
  );
  const side = Math.sqrt(tokens);
  const placeholder = tokenContent(config.imageTokenId) ?? '<image_soft_token>';
  const table = normalizationTable(normalizationOf(settings, standard));
  const filter = resampleFilterOf(settings, 'bilinear');
  const { size } = settings;
  return {
    marker: begin,
    placeholder,
    plan: () => ({
      text: [
        { text: `\n\n${begin}`, isPlaceholder: false },
        { text: placeholder.repeat(tokens), isPlaceholder: true },
        { text: `${end}\n\n`, isPlaceholder: false },
      ],
      tokens,
      grid: Number.isInteger(side) ? { rows: side, columns: side } : null,
      process: (image) => ({
        pixel_values: {
          type: 'float32',
          dims: [1, 3, size.height, size.width],
          data: channelPlanes([resizeImage(image, size, filter)], table),
        },
      }),
    }),
  };
}

export const gemma3: ModelFamily = {
  name: 'Gemma3',
  modelTypes: ['gemma3'],
  positionPlanes: 1,
  takesPartsOnly: false,
  // The vocabulary lists runs of line breaks and HTML tags among its added tokens.
  isOrdinaryText: ({ special }) => !special,
  deepstack: null,
  modules: {
    textLayers: 'model.language_model.layers.',
    visionLayers: 'model.vision_tower.encoder.layers.',
  },
  imageProcessor,
};
