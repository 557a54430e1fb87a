import { type Aggregation, type AggregationBatch, aggregations } from './aggregation/index.js';
import { lookUp, RlError } from './errors.js';
import { type KlEstimator, klEstimators } from './kl/index.js';
import { lossTypes } from './losses/index.js';
import type { LossType } from './losses/types.js';
import { isPrefix, type MaskedPositions, maskedPositions } from './masks.js';
import { assertSameShape, isRows, type Row, type Rows, rowAt } from './rows.js';
import {
  defaultPolicyLossSettings,
  type ImportanceSamplingLevel,
  type PolicyLossSettings,
} from './settings.js';

/** Options of `policyLoss`: the loss by name or as an object, and any of the settings. */
export interface PolicyLossOptions extends Partial<PolicyLossSettings> {
  /** Default `dapo`, as in TRL. */
  readonly lossType?: string | LossType;
}

/** Inputs of `policyLoss`. `B` sequences of `T` completion tokens; log-probabilities in nats. */
export interface PolicyLossBatch {
  /** ℓ: under the policy being trained, `[B][T]`. */
  readonly logprobs: Rows;
  /** A: one a row, `[B]`, or one a token, `[B][T]`. */
  readonly advantages: Row | Rows;
  /** 1 on completion tokens, 0 on padding. Default: all 1. */
  readonly completionMask?: Rows | null;
  /** 1 on tokens that the model sampled, 0 on tool results. Default: all 1. */
  readonly toolMask?: Rows | null;
  /** o: under the policy before this batch's first update. Default: ℓ, detached (on-policy, ratio 1). */
  readonly oldLogprobs?: Rows | null;
  /** q: under the reference policy; needed when `beta` is not 0. */
  readonly referenceLogprobs?: Rows | null;
  /** s: as the sampling engine reported them, NaN where it gave none; needed by `engineCorrection`. */
  readonly samplingLogprobs?: Rows | null;
  /** Under the policy with a masked image; needed by the perception term. */
  readonly maskedImageLogprobs?: Rows | null;
  /** Per-token entropies in nats; needed by the entropy mask and the entropy bonus. */
  readonly entropies?: Rows | null;
}

/** A batch whose names are resolved and whose shapes are checked. */
export interface PreparedBatch {
  readonly loss: LossType;
  readonly settings: PolicyLossSettings;
  readonly aggregation: Aggregation;
  readonly aggregationBatch: AggregationBatch;
  readonly level: ImportanceSamplingLevel;
  readonly kl: KlEstimator;
  readonly logRatioBounds: readonly [number, number] | null;
  readonly masked: MaskedPositions;
  readonly advantageRows: Rows | null;
  readonly advantageOfRow: Row | null;
}

function withoutUndefined<T extends object>(options: T): Partial<T> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  // The entries come from `T` itself, so the result holds a subset of its properties.
  return Object.fromEntries(entries) as Partial<T>;
}

function assertRange(name: string, value: number, isValid: boolean, expected: string): void {
  if (!isValid || Number.isNaN(value)) {
    throw new RlError('invalid-argument', `\`${name}\` must be ${expected}, got ${value}.`);
  }
}

function assertSettings(settings: PolicyLossSettings): void {
  const { epsilonLow, epsilonHigh, delta, beta, topEntropyQuantile } = settings;
  assertRange('epsilonLow', epsilonLow, epsilonLow >= 0, 'at least 0');
  if (epsilonHigh !== null) {
    assertRange('epsilonHigh', epsilonHigh, epsilonHigh >= 0, 'at least 0');
  }
  if (delta !== null) assertRange('delta', delta, delta > 0, 'above 0');
  assertRange('beta', beta, Number.isFinite(beta), 'finite');
  assertRange(
    'topEntropyQuantile',
    topEntropyQuantile,
    topEntropyQuantile > 0 && topEntropyQuantile <= 1,
    'above 0 and at most 1',
  );
  const counts = {
    gradientAccumulationSteps: settings.gradientAccumulationSteps,
    numProcesses: settings.numProcesses,
  };
  for (const [name, value] of Object.entries(counts)) {
    assertRange(name, value, Number.isInteger(value) && value >= 1, 'an integer of at least 1');
  }
}

function requireInput(name: string, rows: Rows | null | undefined, reason: string): void {
  if (rows === null || rows === undefined) {
    throw new RlError('missing-input', `"${name}" is missing: ${reason} needs it.`);
  }
}

function assertInputs(batch: PolicyLossBatch, settings: PolicyLossSettings): void {
  const optional = {
    oldLogprobs: batch.oldLogprobs,
    referenceLogprobs: batch.referenceLogprobs,
    samplingLogprobs: batch.samplingLogprobs,
    maskedImageLogprobs: batch.maskedImageLogprobs,
    entropies: batch.entropies,
  };
  for (const [name, rows] of Object.entries(optional)) {
    if (rows) assertSameShape(name, rows, batch.logprobs);
  }
  if (settings.beta !== 0) requireInput('referenceLogprobs', batch.referenceLogprobs, '`beta` ≠ 0');
  if (settings.engineCorrection !== null) {
    requireInput('samplingLogprobs', batch.samplingLogprobs, '`engineCorrection`');
  }
  if (settings.topEntropyQuantile < 1) {
    requireInput('entropies', batch.entropies, '`topEntropyQuantile` < 1');
  }
  if (settings.entropyCoef !== 0) {
    requireInput('entropies', batch.entropies, '`entropyCoef` ≠ 0');
  }
  if (settings.perceptionCoef !== 0 || settings.perceptionEntropyCoef !== 0) {
    requireInput('maskedImageLogprobs', batch.maskedImageLogprobs, 'the perception term');
  }
}

/** One sum instead of a test a token: it is finite only if every number is. */
function sumOf(row: Row, positions: Int32Array | null, count: number): number {
  let even = 0;
  let odd = 0;
  if (positions === null || isPrefix(positions)) {
    // Two sums, because each addition waits for the one before it.
    for (let t = 0; t + 1 < count; t += 2) {
      even += row[t]!;
      odd += row[t + 1]!;
    }
    if (count % 2 === 1) even += row[count - 1]!;
    return even + odd;
  }
  for (let k = 0; k < count; k += 1) even += row[positions[k]!]!;
  return even;
}

/**
 * Asserts that every number under the mask is finite.
 * @throws {RlError} `non-finite`, naming the row and the token.
 */
export function assertFiniteRow(
  name: string,
  row: Row,
  i: number,
  positions: Int32Array | null,
): void {
  const count = positions === null ? row.length : positions.length;
  if (Number.isFinite(sumOf(row, positions, count))) return;
  for (let k = 0; k < count; k += 1) {
    const t = positions === null ? k : positions[k]!;
    if (!Number.isFinite(row[t])) {
      throw new RlError('non-finite', `"${name}" is ${row[t]} at row ${i}, token ${t}.`, {
        details: { name, row: i, token: t, value: row[t] },
      });
    }
  }
}

/** Resolves the loss and the settings, checks shapes, and finds the tokens under the mask. */
export function prepareBatch(batch: PolicyLossBatch, options: PolicyLossOptions): PreparedBatch {
  const { lossType = 'dapo', ...given } = options;
  const loss = typeof lossType === 'string' ? lookUp('loss', lossTypes, lossType) : lossType;
  const settings: PolicyLossSettings = {
    ...defaultPolicyLossSettings,
    ...loss.defaults,
    ...withoutUndefined(given),
  };
  assertSettings(settings);
  assertInputs(batch, settings);
  const { logprobs, advantages } = batch;
  const perToken = isRows(advantages);
  if (perToken) assertSameShape('advantages', advantages, logprobs);
  else if (advantages.length !== logprobs.length) {
    throw new RlError(
      'shape-mismatch',
      `Shape mismatch in "advantages": expected [B] = [${logprobs.length}] or [B][T], got [${advantages.length}].`,
    );
  }
  const masked = maskedPositions(logprobs, batch);
  for (let i = 0; i < logprobs.length; i += 1) {
    assertFiniteRow('logprobs', rowAt(logprobs, i), i, masked.positions[i]!);
  }
  if (!perToken) {
    for (let i = 0; i < advantages.length; i += 1) {
      if (!Number.isFinite(advantages[i])) {
        throw new RlError('non-finite', `"advantages" is ${advantages[i]} at row ${i}.`, {
          details: { name: 'advantages', row: i },
        });
      }
    }
  } else {
    advantages.forEach((row, i) => {
      assertFiniteRow('advantages', row, i, masked.positions[i]!);
    });
  }
  const isTraining = settings.mode === 'train';
  return {
    loss,
    settings,
    aggregation: lookUp('aggregation', aggregations, settings.aggregation ?? loss.aggregation),
    aggregationBatch: {
      rows: logprobs.length,
      activeRows: masked.activeRows,
      tokens: masked.tokens,
      width: masked.width,
      itemsInBatch: settings.numItemsInBatch ?? masked.tokens,
      processes: settings.numProcesses,
      accumulationSteps: isTraining ? settings.gradientAccumulationSteps : 1,
      globalRows: settings.globalBatchSize,
      lossScaleFactor: settings.lossScaleFactor,
      maxCompletionLength: settings.maxCompletionLength,
    },
    level: settings.importanceSamplingLevel ?? loss.importanceSamplingLevel ?? 'token',
    kl:
      typeof settings.klEstimator === 'string'
        ? lookUp('KL estimator', klEstimators, settings.klEstimator)
        : settings.klEstimator,
    logRatioBounds:
      settings.logRatioBounds === undefined ? loss.logRatioBounds : settings.logRatioBounds,
    masked,
    advantageRows: perToken ? advantages : null,
    advantageOfRow: perToken ? null : advantages,
  };
}
