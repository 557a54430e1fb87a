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
  learningRate: 1e-3,
  warmupSteps: 50,
  weightDecay: 0.05,
  maxGradientNorm: 1,
  checkpointEvery: 100,
} as const;

const seeing = {
  name: 'questions',
  questions: 1,
  readsAll: 0.3,
  rightCalls: 0,
  withoutTools: 0,
} as const;

/** The models that are pre-trained; the student begins as a copy of the base. */
export const supervisedRecipes = {
  base: {
    architecture: architectures.base,
    supervised: {
      ...common,
      stages: [
        { ...seeing, steps: 1200 },
        {
          name: 'episodes',
          questions: 0.25,
          readsAll: 0.1,
          rightCalls: 0.25,
          withoutTools: 0.05,
          steps: 1400,
        },
      ],
    },
  },
  teacher: {
    architecture: architectures.teacher,
    supervised: {
      ...common,
      stages: [
        { ...seeing, steps: 650 },
        {
          name: 'episodes',
          questions: 0.25,
          readsAll: 0.1,
          rightCalls: 1,
          withoutTools: 0.05,
          steps: 600,
        },
      ],
    },
  },
} as const satisfies Record<string, ModelRecipe>;
