import type { ModelFamily } from './family.js';
import { qwenImageProcessor } from './qwen-images.js';

export const qwen3Vl: ModelFamily = {
  name: 'Qwen3-VL',
  modelTypes: ['qwen3_vl'],
  positionPlanes: 3,
  takesPartsOnly: false,
  isOrdinaryText: () => false,
  deepstack: { visionOutput: 'deepstack_features', decoderInput: 'deepstack_embeds' },
  modules: { textLayers: 'model.language_model.layers.', visionLayers: 'model.visual.blocks.' },
  imageProcessor: (context) => qwenImageProcessor(context, 'image_grid_thw'),
};
