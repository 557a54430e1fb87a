import type { ModelFamily } from './family.js';
import { gemma3 } from './gemma3.js';
import { qwen25Vl } from './qwen2-5-vl.js';
import { qwen2Vl } from './qwen2-vl.js';
import { qwen3Vl } from './qwen3-vl.js';
import { smolVlm } from './smolvlm.js';

/** The families that can be loaded. To add one: its file, and its line here. */
export const modelFamilies: Readonly<Record<string, ModelFamily>> = {
  qwen2Vl,
  qwen25Vl,
  qwen3Vl,
  smolVlm,
  gemma3,
};
