import {
  attributionMethods,
  baselines,
  divergences,
  normalizations,
  quadratures,
  reductions,
  targets,
} from '@iapo/attribution';
import { advantageEstimators, lossTypes, optimizers, schedules } from '@iapo/rl-core';
import {
  answerExtractors,
  datasetFormats,
  focusProfiles,
  scorers,
  toolCallDialects,
  visualTools,
} from '@iapo/vqa-tools';
import { z } from 'zod';
import { penaltyGates } from '../reward/penalty-gates.js';

/** A name of a table, or an object in its place. */
function named(table: Readonly<Record<string, unknown>>): z.ZodType<string | object> {
  return z.union([z.enum(Object.keys(table) as [string, ...string[]]), z.looseObject({})]);
}

function oneOf(table: Readonly<Record<string, unknown>>): z.ZodType<string> {
  return z.enum(Object.keys(table) as [string, ...string[]]);
}

const count = z.int().min(1);
const integer = z.int();
const positive = z.number().positive();
const notNegative = z.number().min(0);

/** A model as an object that fits, made by the configuration's own code. */
const modelObject = z.custom<object>(
  (value) => typeof value === 'object' && value !== null && 'encode' in value,
);

/** A model's folder, with how to load it. */
const modelFolder = z.strictObject({
  /** Folder of a Hugging Face model in transformers.js's layout. */
  model: z.string().min(1),
  dtype: z.string().optional(),
  subfolder: z.string().optional(),
  /** Folder of a PEFT adapter. */
  adapter: z.string().optional(),
  lora: z
    .strictObject({
      r: count,
      alpha: positive.optional(),
      targetModules: z.union([z.string(), z.array(z.string())]),
      rsLora: z.boolean().optional(),
      seed: integer.optional(),
    })
    .optional(),
  trainable: z.enum(['adapter', 'weights']).optional(),
  executionProviders: z.array(z.string()).optional(),
  memoryBudget: positive.optional(),
  worker: z.union([z.boolean(), count]).optional(),
  threads: count.optional(),
});

/** Where the tasks come from. */
const data = z.strictObject({
  /** JSONL, JSON or Parquet; a path, a glob or several. */
  files: z.union([z.string(), z.array(z.string()).min(1)]),
  format: oneOf(datasetFormats).optional(),
  imageFolder: z.string().optional(),
  tables: z.string().optional(),
  /** Text of the system message. */
  system: z.string().optional(),
  limit: count.optional(),
  /** Rows that cannot be read stop the run (default) or are skipped and counted. */
  onBadRow: z.enum(['throw', 'skip']).optional(),
});

const missingRule = z.union([z.enum(['none', 'group-mean', 'group-max']), notNegative]);

/** Options of one run, which a stage may change. */
const runOptions = {
  label: z.string().min(1).optional(),
  seed: integer.optional(),
  steps: count.optional(),
  promptsPerStep: count.optional(),
  samplesPerPrompt: count.optional(),
  episode: z
    .strictObject({
      dialect: named(toolCallDialects).optional(),
      lenient: z.boolean().optional(),
      profile: oneOf(focusProfiles).optional(),
      maxTurns: count.optional(),
      maxTokens: count.optional(),
      maxTokensPerTurn: count.optional(),
      timeoutMs: count.optional(),
      temperature: notNegative.optional(),
      topP: positive.max(1).optional(),
      topK: integer.min(0).optional(),
      minP: notNegative.max(1).optional(),
    })
    .optional(),
  score: z
    .strictObject({
      scorer: named(scorers).optional(),
      extractor: z
        .union([
          oneOf(answerExtractors),
          z.custom<(reply: string) => string | null>((value) => typeof value === 'function'),
        ])
        .optional(),
      onScoreError: z.enum(['stop', 'unscorable']).optional(),
    })
    .optional(),
  reward: z
    .strictObject({
      lambda: notNegative.optional(),
      lambdaSchedule: named(schedules).optional(),
      lambdaWarmupSteps: integer.min(0).optional(),
      lambdaMinimumFactor: notNegative.max(1).optional(),
      divergence: named(divergences).optional(),
      cap: positive.nullable().optional(),
      gate: named(penaltyGates).optional(),
      missing: z
        .strictObject({
          'no-call': missingRule.optional(),
          'not-explained': missingRule.optional(),
          failed: missingRule.optional(),
          degenerate: missingRule.optional(),
          'not-converged': missingRule.optional(),
        })
        .optional(),
      scaling: z.enum(['together', 'separately']).optional(),
      advantage: named(advantageEstimators).optional(),
      advantageOptions: z.looseObject({}).optional(),
    })
    .optional(),
  rewards: z
    .array(z.strictObject({ weight: z.number(), reward: z.looseObject({ name: z.string() }) }))
    .optional(),
  explain: z
    .strictObject({
      attribution: z
        .union([
          oneOf(attributionMethods),
          z.looseObject({
            method: named(attributionMethods).optional(),
            quadrature: named(quadratures).optional(),
            steps: count.optional(),
            maximumSteps: count.optional(),
            tolerance: positive.optional(),
            baseline: z
              .union([
                oneOf(baselines),
                z.strictObject({
                  text: named(baselines).optional(),
                  image: named(baselines).optional(),
                }),
                z.looseObject({ name: z.string() }),
              ])
              .optional(),
            target: named(targets).optional(),
            reduce: named(reductions).optional(),
            normalize: named(normalizations).optional(),
          }),
        ])
        .optional(),
      who: z.enum(['student-call', 'own-calls']).optional(),
      span: z.enum(['call', 'turn']).optional(),
      everySteps: count.optional(),
      budget: count.nullable().optional(),
      requireConvergence: z.boolean().optional(),
      allow: z.array(z.string()).optional(),
      concurrency: count.optional(),
      timeoutMs: count.nullable().optional(),
      onFailure: z.enum(['skip', 'stop']).optional(),
      teacherCache: z.string().nullable().optional(),
    })
    .optional(),
  wrt: z.enum(['adapter', 'weights']).optional(),
  trainTurns: z.enum(['all', 'last']).optional(),
  loss: z
    .union([oneOf(lossTypes), z.looseObject({ lossType: named(lossTypes).optional() })])
    .optional(),
  learningRate: positive.optional(),
  schedule: named(schedules).optional(),
  warmupSteps: integer.min(0).optional(),
  updatesPerBatch: count.optional(),
  oldLogprobs: z.enum(['scored', 'sampled']).optional(),
  microBatchSize: count.nullable().optional(),
  maxGradientNorm: positive.nullable().optional(),
  onNonFinite: z.enum(['stop', 'skip']).optional(),
  checkpointEvery: count.optional(),
  keepCheckpoints: count.optional(),
  keepTrajectories: z
    .strictObject({ everySteps: count.optional(), perStep: count.optional() })
    .optional(),
} as const;

const { label, seed, ...otherRunOptions } = runOptions;

/** Checks a configuration; its names are those of `trainIapo`'s options. */
export const configSchema: z.ZodObject = z.strictObject({
  label,
  seed,
  student: z.union([modelFolder, modelObject]),
  teacher: z.union([modelFolder, modelObject]).nullable().optional(),
  tasks: z.array(z.looseObject({ id: z.string(), messages: z.array(z.unknown()) })).optional(),
  validationTasks: z
    .array(z.looseObject({ id: z.string(), messages: z.array(z.unknown()) }))
    .optional(),
  data: data.optional(),
  validationData: data.optional(),
  /** Sets of `iapo eval --sets`, by name. */
  validationSets: z
    .record(z.string().regex(/^[\w.-]+$/), data.extend({ score: runOptions.score }))
    .optional(),
  /** Tools that are offered, by name. Default: all. */
  tools: z
    .union([z.array(oneOf(visualTools)).min(1), z.record(z.string(), z.looseObject({}))])
    .optional(),
  perception: z
    .strictObject({ share: notNegative.max(1).optional(), patchSize: count.optional() })
    .optional(),
  optimizer: z
    .union([
      oneOf(optimizers),
      z.custom<object>((value) => typeof value === 'object' && value !== null && 'step' in value),
    ])
    .optional(),
  runFolder: z.string().optional(),
  ...otherRunOptions,
  stages: z
    .strictObject({
      teacher: z.strictObject(runOptions).optional(),
      coldStart: z.strictObject(runOptions).optional(),
      iapo: z.strictObject(runOptions).optional(),
    })
    .optional(),
});
