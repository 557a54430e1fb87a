import { z } from 'zod';
import type { AttributionResult, JsonValue } from '../result.js';

const json: z.ZodType<JsonValue> = z.json();
const numbers: z.ZodType<number[]> = z.array(z.number());

/** The saved form of a result, version 1. */
export const resultSchema: z.ZodType<AttributionResult> = z.object({
  format: z.literal('iapo-attribution'),
  version: z.literal(1),
  id: z.string().nullable(),
  model: z.object({ id: z.string(), dtype: z.string() }),
  method: z.object({
    name: z.string(),
    family: z.string(),
    completeness: z.enum(['exact', 'limit', 'none']),
    settings: z.record(z.string(), json),
    unusedSettings: z.array(z.string()),
  }),
  target: z.object({
    name: z.string(),
    quantity: z.enum(['logprob', 'logit']),
    span: z.string(),
    tokenWeights: numbers,
    completion: numbers,
    completionTokens: z.array(z.string()).nullable(),
    contrast: numbers.nullable(),
  }),
  baseline: z.object({ text: z.string(), image: z.string() }).nullable(),
  maskMode: z.enum(['baseline', 'remove', 'attentionMask', 'prompt']).nullable(),
  reduce: z.string(),
  normalize: z.object({ name: z.string(), parameters: z.record(z.string(), z.number()) }),
  seed: z.number(),
  tokens: z.object({
    scores: numbers,
    blocks: z.array(z.string().nullable()),
    texts: z.array(z.string()).nullable(),
  }),
  blocks: z.array(
    z.object({
      name: z.string(),
      tokens: z.number(),
      score: z.number().nullable(),
      share: z.number().nullable(),
    }),
  ),
  degenerate: z.string().nullable(),
  players: z
    .array(
      z.object({
        name: z.string(),
        tokens: numbers,
        score: z.number(),
        standardError: z.number().nullable(),
      }),
    )
    .nullable(),
  intercept: z.number().nullable(),
  perTarget: z
    .object({
      tokens: z.array(numbers.nullable()),
      blocks: z.array(z.array(z.number().nullable()).nullable()),
    })
    .nullable(),
  dimensions: numbers.nullable(),
  completeness: z
    .object({
      targetAtInput: z.number(),
      targetAtBaseline: z.number(),
      sum: z.number(),
      delta: z.number(),
      relativeDelta: z.number().nullable(),
      tolerance: z.number(),
      converged: z.boolean(),
    })
    .nullable(),
  steps: z.number().nullable(),
  excluded: z.object({ tokens: numbers, share: z.number().nullable() }).nullable(),
  images: z
    .array(
      z
        .object({
          firstToken: z.number(),
          rows: z.number(),
          columns: z.number(),
          dataUrl: z.string(),
        })
        .or(z.object({ firstToken: z.number(), rows: z.number(), columns: z.number() })),
    )
    .nullable(),
  cost: z.object({
    forwards: z.number(),
    backwards: z.number(),
    calls: z.number(),
    seconds: z.number(),
  }),
});
