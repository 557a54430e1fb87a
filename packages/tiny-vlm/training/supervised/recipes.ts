import type { Architecture } from '../model/architecture.js';
import { architectures } from '../model/architecture.js';
import type { SupervisedRecipe } from './train-supervised.js';

/** How a model is pre-trained. */
export interface ModelRecipe {
  readonly architecture: Architecture;
  readonly supervised: SupervisedRecipe;
}

const common = {
  seed: 0,
  batchSize: 48,
  weightDecay: 0.05,
  maxGradientNorm: 1,
  checkpointEvery: 100,
} as const;

/** Learning to see: letters, digits, and which letter lies on which color. */
const seeing = {
  name: 'questions',
  questions: 1,
  readsAll: 0.3,
  rightCalls: 0,
  withoutTools: 0,
  learningRate: 1e-3,
  warmupSteps: 50,
} as const;

/** Learning to call tools and to read edited pictures, with a quarter of questions kept in. */
const calling = {
  name: 'episodes',
  questions: 0.25,
  readsAll: 0.1,
  withoutTools: 0.05,
  learningRate: 8e-4,
  warmupSteps: 0,
} as const;

/** The models that are pre-trained; the student begins as a copy of the base. */
export const supervisedRecipes = {
  base: {
    architecture: architectures.base,
    supervised: {
      ...common,
      buckets: 1,
      stages: [
        { ...seeing, steps: 900, decaySteps: 2600 },
        { ...calling, steps: 800, decaySteps: 800, rightCalls: 0.25 },
        // From imprecise calls alone the model learns no labels, only the syntax: 9 % right calls were chance.
        { ...calling, name: 'right-calls', steps: 300, decaySteps: 600, rightCalls: 1 },
        {
          ...calling,
          name: 'imprecise-calls',
          // At 4e-4 it forgot its labels altogether.
          learningRate: 1e-4,
          steps: 120,
          decaySteps: 120,
          rightCalls: 0.3,
        },
      ],
    },
  },
  teacher: {
    architecture: architectures.teacher,
    supervised: {
      ...common,
      buckets: 3,
      stages: [
        { ...seeing, steps: 700, decaySteps: 2600 },
        { ...calling, steps: 400, decaySteps: 400, rightCalls: 1 },
      ],
    },
  },
} as const satisfies Record<string, ModelRecipe>;
