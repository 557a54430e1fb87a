import { z } from 'zod';
import { parseSettings } from '../../src/encode/model-files.js';
import { channelPlanes } from '../../src/families/channel-planes.js';
import type { ModelFamily } from '../../src/families/family.js';
import { commonImageSettings, normalizationOf } from '../../src/families/image-settings.js';
import { normalizationTable } from '../../src/images/normalize.js';
import { resizeImage } from '../../src/images/resample.js';

const settingsSchema = commonImageSettings.extend({ side: z.number().int().positive() });

/** A made-up family: a picture is one small square, framed by `<global-img>`, of four tokens. */
export const thumbnailVl: ModelFamily = {
  name: 'Thumbnail-VL',
  modelTypes: ['thumbnail_vl'],
  positionPlanes: 1,
  takesPartsOnly: true,
  isOrdinaryText: () => false,
  deepstack: null,
  modules: { textLayers: 'model.text.layers.', visionLayers: 'model.vision.layers.' },
  imageProcessor: ({ preprocessor }) => {
    const settings = parseSettings(settingsSchema, preprocessor, 'preprocessor_config.json');
    const size = { width: settings.side, height: settings.side };
    const table = normalizationTable(
      normalizationOf(settings, { mean: [0, 0, 0], std: [1, 1, 1] }),
    );
    return {
      marker: '<image>',
      placeholder: '<image>',
      plan: () => ({
        text: [
          { text: '<global-img>', isPlaceholder: false },
          { text: '<image>'.repeat(4), isPlaceholder: true },
          { text: '<global-img>', isPlaceholder: false },
        ],
        tokens: 4,
        grid: { rows: 2, columns: 2 },
        process: (image) => ({
          thumbnail: {
            type: 'float32',
            dims: [1, 3, settings.side, settings.side],
            data: channelPlanes([resizeImage(image, size, 'box')], table),
          },
        }),
      }),
    };
  },
};
