import { RunFolder } from '@iapo/rl-core';
import { TrainableModel } from '../model/trainable-model.js';
import { countWeights } from '../model/weights.js';
import type { ModelRecipe } from '../supervised/recipes.js';
import { trainSupervised } from '../supervised/train-supervised.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { Progress } from './progress.js';

/**
 * Pre-trains a model in a run folder, from where the run there stopped. Gives the model with its trained
 * weights; the caller disposes it.
 */
export async function trainSupervisedModel(
  folder: string,
  recipe: ModelRecipe,
  {
    tokenizer,
    ...parallelism
  }: { readonly tokenizer: Tokenizer; readonly threads?: number; readonly workers?: number },
): Promise<TrainableModel> {
  const { architecture, supervised } = recipe;
  const { seed } = supervised;
  const model = await TrainableModel.create(architecture, tokenizer.size, { seed, ...parallelism });
  console.log(`${folder}: ${countWeights(model.weights)} weights, ${tokenizer.size} tokens`);
  const run = await RunFolder.open(folder, {
    config: { ...recipe },
    resume: true,
    clock: Date.now,
  });
  try {
    const progress = new Progress(folder);
    const parts = { model, tokenizer };
    for await (const event of trainSupervised(parts, supervised, { run, clock: Date.now })) {
      await run.flush();
      const { stage, loss, gradientNorm } = event;
      progress.report(
        event,
        `${stage} · loss ${loss.toFixed(4)} · gradient ${gradientNorm.toFixed(2)}`,
      );
    }
    return model;
  } finally {
    await run.close();
  }
}
