import {
  chooseBranches,
  gatherBeforeLastMatMul,
  OnnxAutogradError,
  type OnnxModel,
} from '@iapo/onnx-autograd';
import type { CacheSizes } from './decoder-description.js';
import { sharePromptCache } from './shared-prompt/share-prompt-cache.js';

/**
 * A merged decoder made ready to be sampled from: the branch with a cache, logits where they are wanted, and a cache
 * of which the prompt's part is not copied. What a graph does not allow is left as it is.
 *
 * @param sizes From `config.json`, for graphs that name sizes instead of giving them.
 */
export function prepareDecodingModel(model: OnnxModel, sizes?: CacheSizes): OnnxModel {
  const merged = chooseBranches(model, { use_cache_branch: true });
  const cut = withChosenLogits(merged);
  return sharePromptCache(cut, sizes) ?? cut;
}

/** Logits at chosen positions: those of a whole prompt would be computed and copied to be thrown away. */
function withChosenLogits(model: OnnxModel): OnnxModel {
  try {
    return gatherBeforeLastMatMul(model);
  } catch (error) {
    if (error instanceof OnnxAutogradError && error.code === 'unsupported') return model;
    throw error;
  }
}
