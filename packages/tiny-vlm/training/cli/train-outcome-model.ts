import type { TrainableModel } from '../model/trainable-model.js';
import { type OutcomeRecipe, trainOutcome } from '../reinforcement/train-outcome.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { Progress } from './progress.js';

/** Trains a model by GRPO in a run folder, from where the run there stopped. Its weights change in place. */
export async function trainOutcomeModel(
  folder: string,
  recipe: OutcomeRecipe,
  parts: { readonly model: TrainableModel; readonly tokenizer: Tokenizer },
): Promise<void> {
  const progress = new Progress(folder);
  const percent = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : `${(100 * value).toFixed(1)} %`;
  let last = performance.now();
  for await (const event of trainOutcome(parts, recipe, folder)) {
    if (event.type !== 'step-end') continue;
    const now = performance.now();
    const { metrics, step } = event;
    progress.report(
      { step, steps: recipe.steps, durationMs: now - last },
      `right answers ${percent(metrics['rewards/outcome/mean'])} · right calls ${percent(metrics['rewards/rightCall/mean'])} · calls that run ${percent(metrics['rewards/toolSuccess/mean'])}`,
    );
    last = now;
  }
}
