import type { SupervisedRecipe } from '../../training/supervised/train-supervised.js';

/** Seconds of training that go through everything: both kinds of examples, checkpoints, decay. */
export const miniatureRecipe: SupervisedRecipe = {
  seed: 5,
  stages: [
    {
      name: 'questions',
      steps: 20,
      questions: 1,
      readsAll: 0.3,
      rightCalls: 0,
      withoutTools: 0,
      learningRate: 1e-2,
      warmupSteps: 3,
      decaySteps: 40,
    },
    {
      name: 'episodes',
      steps: 20,
      questions: 0.25,
      readsAll: 0.1,
      rightCalls: 0.25,
      withoutTools: 0.05,
      learningRate: 8e-3,
      warmupSteps: 0,
      decaySteps: 20,
    },
  ],
  batchSize: 16,
  buckets: 2,
  weightDecay: 0.05,
  maxGradientNorm: 1,
  checkpointEvery: 4,
};
