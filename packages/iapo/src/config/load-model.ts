import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Sequence } from '@iapo/vlm-adapters';
import type { AgentPrompt, ScoringModel } from '../model/agent-model.js';
import type { ModelSource } from './iapo-config.js';

/** A model that was loaded here, and so is given back here. */
export interface LoadedModel {
  readonly model: object;
  readonly dispose: () => Promise<void>;
  /** Writes its adapter as PEFT does; `null` without one. */
  readonly saveAdapter: ((folder: string) => Promise<void>) | null;
  /** What a new adapter began as: the model without it; `null` for other models. */
  readonly reference: ScoringModel<AgentPrompt> | null;
}

/**
 * Loads a model as a configuration describes it.
 *
 * @param folder A model's path is relative to it; what is no folder there is taken as it is.
 */
export async function loadModel(
  { model, dtype, adapter, lora, ...rest }: ModelSource,
  folder: string,
): Promise<LoadedModel> {
  // Loaded when it is needed: the native runtime takes a while, and most commands do without.
  const { OnnxVlm, saveAdapter } = await import('@iapo/vlm-adapters');
  const path = resolve(folder, model);
  const loaded = await OnnxVlm.load(existsSync(path) ? path : model, {
    ...rest,
    ...(dtype === undefined ? {} : { dtype: dtype as 'fp32' }),
    ...(adapter === undefined ? {} : { adapter: resolve(folder, adapter) }),
    ...(lora === undefined ? {} : { lora }),
  });
  return {
    model: loaded,
    dispose: () => loaded.dispose(),
    saveAdapter: loaded.adapter === null ? null : (target) => saveAdapter(loaded, target),
    reference:
      lora === undefined
        ? null
        : {
            // The prompts that it is given are the student's own.
            logprobs: (sequences, options) =>
              loaded.logprobs(sequences as readonly Sequence[], { ...options, adapter: false }),
          },
  };
}
