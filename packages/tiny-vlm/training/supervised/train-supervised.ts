import {
  AdamW,
  globalNorm,
  gradientClipFactor,
  type OptimizerState,
  type RunFolder,
  type SummaryValue,
  schedules,
} from '@iapo/rl-core';
import { Demonstrations, type Mixture } from '../data/demonstrations.js';
import type { TrainableModel } from '../model/trainable-model.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { crossEntropy, cutByLength } from './cross-entropy.js';

/** Some steps with one mixture of examples. */
export interface Stage extends Mixture {
  readonly name: string;
  readonly steps: number;
  /** Peak of the stage. */
  readonly learningRate: number;
  /** First steps over which the rate rises from 0. */
  readonly warmupSteps: number;
  /** Steps after which half a cosine would have reached a tenth of the peak; a stage may end before. */
  readonly decaySteps: number;
}

/** All that a run of supervised training depends on: plain JSON. */
export interface SupervisedRecipe {
  readonly seed: number;
  readonly stages: readonly Stage[];
  /** Examples a step. */
  readonly batchSize: number;
  /**
   * Parts into which a batch is cut by length, one after the other: less padding, so less time. The gradient
   * is the same but for rounding. With several workers there are two for each at least.
   */
  readonly buckets: number;
  readonly weightDecay: number;
  readonly maxGradientNorm: number;
  readonly checkpointEvery: number;
}

/** What a step gave. */
export interface SupervisedStep {
  readonly type: 'supervised-step';
  /** Steps completed. */
  readonly step: number;
  readonly steps: number;
  readonly stage: string;
  /** Mean of −log p over the scored tokens, nats. */
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Milliseconds of the step, examples included. */
  readonly durationMs: number;
}

/** Second decay of AdamW: gradients of so short a run are averaged over 50 steps rather than 1,000. */
const betas = [0.9, 0.98] as const;

/**
 * Trains all weights on demonstrations, from the run folder's newest checkpoint on. Every choice depends on
 * the recipe's seed and the step alone, so that a killed run ends with the bytes of one that was not.
 *
 * @yields Each step; the run is saved every `checkpointEvery` steps and at the end.
 */
export async function* trainSupervised(
  { model, tokenizer }: { readonly model: TrainableModel; readonly tokenizer: Tokenizer },
  recipe: SupervisedRecipe,
  { run, clock }: { readonly run: RunFolder; readonly clock: () => number },
): AsyncGenerator<SupervisedStep, void> {
  const optimizer = new AdamW({ betas, weightDecay: recipe.weightDecay, groups: decayGroups });
  const total = recipe.stages.reduce((sum, { steps }) => sum + steps, 0);
  const first = resume(run, model, optimizer);
  const demonstrations = new Demonstrations(tokenizer, `supervised/${recipe.seed}`);
  for (let step = first; step < total; step++) {
    const start = clock();
    const { stage, stepInStage } = stageAt(recipe.stages, step);
    const examples = await Promise.all(
      Array.from({ length: recipe.batchSize }, (_, index) =>
        demonstrations.example(step * recipe.batchSize + index, stage),
      ),
    );
    const buckets = cutByLength(examples, bucketCount(recipe.buckets, model.workers));
    const { loss, gradients } = await crossEntropy({ model, tokenizer }, buckets);
    const gradientNorm = globalNorm(gradients);
    const learningRate =
      stage.learningRate *
      schedules.cosine.factor(stepInStage, {
        totalSteps: stage.decaySteps,
        warmupSteps: stage.warmupSteps,
        minimumFactor: 0.1,
      });
    optimizer.step(model.weights.arrays, gradients, {
      learningRate,
      gradientScale: gradientClipFactor(gradientNorm, recipe.maxGradientNorm),
    });
    const done = step + 1;
    const numbers = { loss, gradientNorm, learningRate };
    run.addEvent({ type: 'supervised-step', step: done, stage: stage.name, ...numbers });
    run.addSummary(done, summaries(numbers));
    if (done % recipe.checkpointEvery === 0 || done === total) {
      await save(run, done, model, optimizer);
    }
    yield {
      type: 'supervised-step',
      step: done,
      steps: total,
      stage: stage.name,
      ...numbers,
      durationMs: clock() - start,
    };
  }
}

/** Two for each worker at least, so that the longest examples do not make one wait for the other. */
function bucketCount(wanted: number, workers: number): number {
  return workers === 1 ? wanted : workers * Math.max(2, Math.ceil(wanted / workers));
}

/** Norms and biases are not drawn towards 0. */
const decayGroups = [
  { match: (name: string): boolean => /norm|ln_q|\.bias$/.test(name), weightDecay: 0 },
];

/** The stage of a step, counted from 0. */
export function stageAt(
  stages: readonly Stage[],
  step: number,
): { readonly stage: Stage; readonly stepInStage: number } {
  let first = 0;
  for (const stage of stages) {
    if (step < first + stage.steps) return { stage, stepInStage: step - first };
    first += stage.steps;
  }
  throw new RangeError(`internal: step ${step} is after the last stage.`);
}

function summaries(values: Readonly<Record<string, number>>): SummaryValue[] {
  return Object.entries(values).map(([tag, value]) => ({
    kind: 'scalar',
    tag: `supervised/${tag}`,
    value,
  }));
}

function resume(run: RunFolder, model: TrainableModel, optimizer: AdamW): number {
  const { checkpoint } = run.opened;
  if (checkpoint === null) return 0;
  // Written by `save` below, and compared with its hash.
  const { steps } = checkpoint.state as Pick<OptimizerState, 'steps'>;
  for (const [name, values] of Object.entries(checkpoint.arrays['weights'] ?? {})) {
    model.weights.arrays[name]?.set(values);
  }
  const arrays = checkpoint.arrays['optimizer'] ?? {};
  optimizer.load({ optimizer: optimizer.name, steps, arrays });
  return checkpoint.step;
}

async function save(
  run: RunFolder,
  step: number,
  model: TrainableModel,
  optimizer: AdamW,
): Promise<void> {
  const { steps, arrays } = optimizer.state();
  await run.save(step, { steps }, { weights: model.weights.arrays, optimizer: arrays }, null);
}
