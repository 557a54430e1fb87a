import { entropyBonus } from './corrections/entropy-bonus.js';
import { entropyThreshold } from './corrections/entropy-mask.js';
import { addPerceptionTerm } from './corrections/perception.js';
import { RlError } from './errors.js';
import { DetailRows, type PolicyLossDetails } from './loss-details.js';
import { LossMetrics } from './loss-metrics.js';
import type { LossRow } from './losses/types.js';
import { isPrefix } from './masks.js';
import {
  assertFiniteRow,
  type PolicyLossBatch,
  type PolicyLossOptions,
  type PreparedBatch,
  prepareBatch,
} from './policy-loss-input.js';
import { RowMultipliers } from './row-multipliers.js';
import { RowWorkspace } from './row-workspace.js';
import { rowAt } from './rows.js';

export interface PolicyLossResult {
  /** The number that the optimizer minimizes. */
  readonly loss: number;
  /** The policy term (with KL) before bonus, perception term and accumulation, as TRL logs it. */
  readonly policyLoss: number;
  /** TRL's divisor: accumulation steps, or tokens of the batch per process. */
  readonly normalizer: number;
  /** ∂loss/∂ℓ, `[B][T]`, exactly 0 on tokens without influence. */
  readonly cotangents: readonly Float64Array[];
  /** ∂loss/∂entropy of every token for policies that can differentiate it, `[B][T]`; null without a bonus. */
  readonly entropyCotangents: readonly Float64Array[] | null;
  /** Under TRL's names (verl's for what only verl has); null where there was nothing to measure. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** Null without `details: true`. */
  readonly details: PolicyLossDetails | null;
}

/**
 * A policy loss over log-probabilities, with its gradient in closed form.
 *
 *   loss = Σ_it a_it·(L_it·μ_it + β·k_it) − c·H + perception,   cotangents = ∂loss/∂ℓ
 *
 * L is the loss's term, μ the product of off-policy mask, entropy mask and engine ratio, k the KL estimate, and
 * a the weight of the aggregation, 0 outside the mask m = completion mask × tool mask. The order and the
 * divisors are those of TRL's GRPOTrainer: the KL term feels m only, and μ does not change divisors.
 *
 * @param batch Log-probabilities, advantages and masks; `[B][T]`, rows of any length.
 * @param options The loss (default `dapo`) and its settings, see `PolicyLossSettings`.
 * @throws {RlError} `non-finite` with the row (and token) of a log-probability, advantage, loss or cotangent that
 * is not finite; `shape-mismatch`; `missing-input`; `unknown-name`; `invalid-argument`.
 * @example
 * policyLoss({ logprobs: [[-1, -2]], advantages: [1] }, { lossType: 'grpo' }).cotangents[0]; // [-0.5, -0.5]
 */
export function policyLoss(
  batch: PolicyLossBatch,
  options: PolicyLossOptions = {},
): PolicyLossResult {
  const prepared = prepareBatch(batch, options);
  const { settings, aggregation, aggregationBatch, masked } = prepared;
  const threshold = resolveThreshold(batch, prepared);
  const everyPosition =
    settings.details || aggregation.includesMaskedPositions || prepared.loss.gradient === 'row';
  const multipliers = new RowMultipliers(batch, prepared);
  const workspace = new RowWorkspace(batch, prepared, {
    everyPosition,
    isCollapsed: isOneTermPerRow(prepared, multipliers),
    entropyThreshold: threshold,
    selection: selectTokens(batch, prepared),
  });
  const metrics = new LossMetrics(batch, prepared);
  const details = settings.details ? new DetailRows(batch, prepared, threshold) : null;
  const totals = {
    loss: new Float64Array(masked.width),
    kl: new Float64Array(masked.width),
  };
  const cotangents = zerosLike(batch);
  let loss = 0;
  for (let i = 0; i < batch.logprobs.length; i += 1) {
    const row = workspace.load(i);
    prepared.loss.terms(row, settings, workspace.terms);
    stopGradientOutsideBounds(row, workspace, prepared);
    multipliers.load(row, workspace);
    const positions = everyPosition ? null : masked.positions[i]!;
    const rowLoss = accumulateRow(row, workspace, prepared, {
      positions,
      multipliers,
      totals,
      cotangent: cotangents[i]!,
    });
    assertFiniteResult(rowLoss, cotangents[i]!, masked.positions[i]!, i);
    loss += rowLoss;
    metrics.observe(row, workspace, totals.kl);
    details?.add(row, multipliers, totals);
  }
  const policyTerm = aggregation.normalizerIsAccumulation
    ? loss * aggregation.normalizer(aggregationBatch)
    : loss;
  if (settings.perceptionCoef !== 0 || settings.perceptionEntropyCoef !== 0) {
    const { term, kl } = addPerceptionTerm(
      batch.logprobs,
      batch.maskedImageLogprobs ?? [],
      masked.positions,
      {
        coef: settings.perceptionCoef,
        entropyCoef: settings.perceptionEntropyCoef,
        cotangents,
      },
    );
    loss += term;
    metrics.perceptionKl = kl;
  }
  const bonus = entropyBonus(batch, prepared, threshold);
  return {
    loss: loss - (bonus?.value ?? 0),
    policyLoss: policyTerm,
    normalizer: aggregation.normalizer(aggregationBatch),
    cotangents,
    entropyCotangents: bonus?.cotangents ?? null,
    metrics: metrics.report(),
    details: details?.details ?? null,
  };
}

/** Writes the cotangents and per-token totals of one row, and returns its share of the loss. */
function accumulateRow(
  row: LossRow,
  workspace: RowWorkspace,
  prepared: PreparedBatch,
  out: {
    positions: Int32Array | null;
    multipliers: RowMultipliers;
    totals: { loss: Float64Array; kl: Float64Array };
    cotangent: Float64Array;
  },
): number {
  const { loss: lossType, settings, aggregation, level } = prepared;
  const { positions, multipliers, totals, cotangent } = out;
  const { length, tokens, mask } = row;
  const { value, derivative } = workspace.terms;
  const isRowLoss = lossType.gradient === 'row';
  // A loss of one number a row spreads it over its tokens; a row without tokens still counts once, as in TRL.
  const counted = isRowLoss ? Math.max(tokens, 1) : tokens;
  if (length === 0 || (counted === 0 && !settings.details)) return 0;
  const weight = aggregation.weight(counted, cotangent.length, prepared.aggregationBatch);
  const hasTokenFactors = multipliers.isActive || settings.beta !== 0 || settings.details;
  if (workspace.isCollapsed) {
    const repeat = aggregation.includesMaskedPositions ? cotangent.length : tokens;
    // d_i = Σ_t (ℓ − o) m / n: every token under the mask moves it by 1/n.
    const share = (weight * repeat * derivative[0]!) / tokens;
    const list = prepared.masked.positions[row.index]!;
    if (isPrefix(list)) cotangent.fill(share, 0, list.length);
    else for (const position of list) cotangent[position] = share;
    return weight * repeat * value[0]!;
  }
  if (isRowLoss && !hasTokenFactors) {
    for (let t = 0; t < length; t += 1) cotangent[t] = weight * counted * derivative[t]!;
    return weight * counted * value[0]!;
  }
  if (positions !== null && !hasTokenFactors && level !== 'sequence') {
    let sum = 0;
    if (isPrefix(positions)) {
      for (let t = 0; t < length; t += 1) {
        sum += value[t]!;
        cotangent[t] = weight * derivative[t]!;
      }
      return weight * sum;
    }
    for (let t = 0; t < length; t += 1) {
      sum += value[t]!;
      cotangent[positions[t]!] = weight * derivative[t]!;
    }
    return weight * sum;
  }
  let loss = isRowLoss ? weight * counted * value[0]! * multipliers.combined[0]! : 0;
  let slopeSum = 0; // Σ_t of what flows through a ratio that the whole row shares.
  for (let t = 0; t < length; t += 1) {
    const multiplier = multipliers.combined[t]!;
    let slope = lossType.gradient === 'ratio' ? multiplier * derivative[t]! : 0;
    let direct = lossType.gradient === 'logprob' ? multiplier * derivative[t]! : 0;
    let total = multiplier * value[t]!;
    if (settings.beta !== 0) {
      const p = row.logprobs[t]!;
      const q = workspace.referenceLogprobs[t]!;
      const scale = settings.useBiasCorrectionKl ? row.ratio[t]! : 1;
      const kl = prepared.kl.value(p, q) * scale;
      direct += settings.beta * prepared.kl.derivative(p, q) * scale;
      // ∂(k·w)/∂d = k·w.
      if (settings.useBiasCorrectionKl) slope += settings.beta * kl;
      totals.kl[t] = kl;
      total += settings.beta * kl;
    }
    totals.loss[t] = total;
    if (mask[t] === 0 && !aggregation.includesMaskedPositions) continue;
    const position = positions === null ? t : positions[t]!;
    if (isRowLoss) {
      loss += weight * settings.beta * (totals.kl[t] ?? 0);
      direct += counted * multiplier * derivative[t]!;
    } else loss += weight * total;
    if (level === 'sequence') slopeSum += weight * slope;
    else direct += slope;
    cotangent[position] = weight * direct;
  }
  if (slopeSum !== 0) {
    for (let t = 0; t < length; t += 1) {
      if (mask[t] === 0) continue;
      const position = positions === null ? t : positions[t]!;
      cotangent[position] = cotangent[position]! + slopeSum / tokens;
    }
  }
  return loss;
}

/** Whether each row's policy term is one number of one ratio and one advantage, with nothing per token. */
function isOneTermPerRow(prepared: PreparedBatch, multipliers: RowMultipliers): boolean {
  const { level, loss, settings, advantageOfRow } = prepared;
  return (
    level === 'sequence' &&
    advantageOfRow !== null &&
    loss.gradient === 'ratio' &&
    loss.select === undefined &&
    settings.beta === 0 &&
    !settings.details &&
    !multipliers.isActive
  );
}

/** A log-ratio outside its bounds is constant; on the bounds the gradient passes, as in `torch.clamp`. */
function stopGradientOutsideBounds(
  row: LossRow,
  workspace: RowWorkspace,
  prepared: PreparedBatch,
): void {
  const bounds = prepared.logRatioBounds;
  if (bounds === null || prepared.loss.gradient !== 'ratio') return;
  for (let t = 0; t < row.length; t += 1) {
    if (workspace.unboundedLogRatio[t] !== row.logRatio[t]) workspace.terms.derivative[t] = 0;
  }
}

function resolveThreshold(batch: PolicyLossBatch, prepared: PreparedBatch): number | null {
  const { settings, masked } = prepared;
  if (settings.topEntropyQuantile >= 1 || !batch.entropies) return null;
  return (
    settings.entropyThreshold ??
    entropyThreshold(batch.entropies, masked.positions, settings.topEntropyQuantile)
  );
}

/** The loss's choice of tokens over the whole batch, as positions by row. */
function selectTokens(
  batch: PolicyLossBatch,
  prepared: PreparedBatch,
): ReadonlyMap<number, ReadonlySet<number>> | null {
  const { loss, settings, masked, advantageRows, advantageOfRow } = prepared;
  if (loss.select === undefined) return null;
  const chosen = loss.select(
    {
      logprobs: batch.logprobs,
      oldLogprobs: batch.oldLogprobs ?? batch.logprobs,
      advantageAt: (i, t) =>
        advantageRows === null ? (advantageOfRow?.[i] ?? 0) : (advantageRows[i]?.[t] ?? 0),
      positions: masked.positions,
    },
    settings,
  );
  const byRow = new Map<number, Set<number>>();
  for (const [i, t] of chosen) {
    const row = byRow.get(i) ?? new Set<number>();
    byRow.set(i, row.add(t));
  }
  return byRow;
}

/** Rows of zeros in one block of memory. */
function zerosLike(batch: PolicyLossBatch): Float64Array[] {
  const total = batch.logprobs.reduce((sum, row) => sum + row.length, 0);
  const block = new Float64Array(total);
  let start = 0;
  return batch.logprobs.map((_, i) => {
    const end = start + rowAt(batch.logprobs, i).length;
    const row = block.subarray(start, end);
    start = end;
    return row;
  });
}

function assertFiniteResult(
  loss: number,
  cotangent: Float64Array,
  positions: Int32Array,
  i: number,
): void {
  if (!Number.isFinite(loss)) {
    throw new RlError('non-finite', `The loss of row ${i} is ${loss}.`, {
      details: { name: 'loss', row: i, value: loss },
    });
  }
  assertFiniteRow('cotangents', cotangent, i, positions);
}
