import type { OutcomeRecipe } from './train-outcome.js';

const common = {
  seed: 0,
  promptsPerStep: 16,
  samplesPerPrompt: 8,
  // 5e-4 unlearned tool use in the study that preceded this package.
  learningRate: 1.5e-4,
  warmupSteps: 5,
} as const;

/** GRPO on the outcome, from the weights of supervised training. */
export const outcomeRecipes = {
  /** The paper's cold start, cut short: the student is to have something to learn. */
  student: { ...common, steps: 10 },
  teacher: { ...common, steps: 60 },
} as const satisfies Record<string, OutcomeRecipe>;
