import type { ModelFamily } from './family.js';
import { qwenImageProcessor } from './qwen-images.js';

export const qwen2Vl: ModelFamily = {
  name: 'Qwen2-VL',
  modelTypes: ['qwen2_vl'],
  positionPlanes: 3,
  takesPartsOnly: false,
  isOrdinaryText: () => false,
  deepstack: null,
  modules: { textLayers: 'model.language_model.layers.', visionLayers: 'model.visual.blocks.' },
  imageProcessor: (context) => qwenImageProcessor(context, 'grid_thw'),
};
