import { engineRatio, engineRatioRules } from './corrections/engine-ratio.js';
import { RlError } from './errors.js';
import { exponentials } from './exponential.js';
import type { LossRow, LossTerms } from './losses/types.js';
import { isPrefix } from './masks.js';
import type { PolicyLossBatch, PreparedBatch } from './policy-loss-input.js';
import { type Row, rowAt } from './rows.js';

/** Copies `source` at the given positions (all of them for null) to the start of `out`. */
function gather(source: Row, positions: Int32Array | null, out: Float64Array): void {
  if (positions === null) {
    if (ArrayBuffer.isView(source)) out.set(source);
    else for (let t = 0; t < source.length; t += 1) out[t] = source[t]!;
    return;
  }
  const { length } = positions;
  // Right padding: the positions are 0 … n − 1, a plain copy.
  if (isPrefix(positions)) {
    if (source instanceof Float64Array || source instanceof Float32Array) {
      out.set(source.subarray(0, length));
      return;
    }
  }
  for (let k = 0; k < length; k += 1) out[k] = source[positions[k]!]!;
}

/**
 * Scratch space for one row at a time: 512 rows of 1,024 tokens then run inside the processor's cache, with no
 * allocation a row.
 */
export class RowWorkspace {
  readonly terms: LossTerms;
  /** True when a row has one ratio, one advantage and nothing else per token: it is computed as one position. */
  readonly isCollapsed: boolean;
  readonly referenceLogprobs: Float64Array;
  /** d before its bounds were applied, [T]. */
  readonly unboundedLogRatio: Float64Array;
  readonly samplingLogprobs: Float64Array;
  readonly #logprobs: Float64Array;
  readonly #oldLogprobs: Float64Array;
  readonly #logRatio: Float64Array;
  readonly #ratio: Float64Array;
  readonly #advantages: Float64Array;
  readonly #mask: Float64Array;
  readonly #engineRatio: Float64Array;
  readonly #entropyMask: Float64Array;
  readonly #selected: Float64Array;
  readonly #batch: PolicyLossBatch;
  readonly #prepared: PreparedBatch;
  readonly #everyPosition: boolean;
  readonly #entropyThreshold: number | null;
  readonly #selection: ReadonlyMap<number, ReadonlySet<number>> | null;
  /** Leading ones of the mask that earlier rows left. */
  #denseMask = 0;

  constructor(
    batch: PolicyLossBatch,
    prepared: PreparedBatch,
    options: {
      everyPosition: boolean;
      isCollapsed: boolean;
      entropyThreshold: number | null;
      selection: ReadonlyMap<number, ReadonlySet<number>> | null;
    },
  ) {
    const { width } = prepared.masked;
    const scratch = (): Float64Array => new Float64Array(width);
    this.terms = { value: scratch(), derivative: scratch() };
    this.referenceLogprobs = scratch();
    this.unboundedLogRatio = scratch();
    this.samplingLogprobs = scratch();
    this.#logprobs = scratch();
    this.#oldLogprobs = scratch();
    this.#logRatio = scratch();
    this.#ratio = scratch();
    this.#advantages = scratch();
    this.#mask = scratch();
    this.#engineRatio = scratch();
    this.#entropyMask = scratch();
    this.#selected = scratch();
    this.#batch = batch;
    this.#prepared = prepared;
    this.#everyPosition = options.everyPosition;
    this.isCollapsed = options.isCollapsed;
    this.#entropyThreshold = options.entropyThreshold;
    this.#selection = options.selection;
  }

  /** Loads row `i`: every position, or only those under the mask. Valid until the next call. */
  load(i: number): LossRow {
    const batch = this.#batch;
    const { masked, settings, advantageRows, advantageOfRow } = this.#prepared;
    const positions = masked.positions[i]!;
    const source = rowAt(batch.logprobs, i);
    const taken = this.#everyPosition ? null : positions;
    const length = taken === null ? source.length : taken.length;
    gather(source, taken, this.#logprobs);
    if (batch.oldLogprobs) gather(rowAt(batch.oldLogprobs, i), taken, this.#oldLogprobs);
    else this.#oldLogprobs.set(this.#logprobs);
    if (advantageRows !== null) gather(rowAt(advantageRows, i), taken, this.#advantages);
    else this.#advantages.fill(advantageOfRow?.[i] ?? 0, 0, length);
    if (taken === null) {
      this.#mask.fill(0, 0, length);
      for (const t of positions) this.#mask[t] = 1;
    } else if (this.#denseMask < length) {
      this.#mask.fill(1);
      this.#denseMask = this.#mask.length;
    }
    if (settings.beta !== 0 && batch.referenceLogprobs) {
      gather(rowAt(batch.referenceLogprobs, i), taken, this.referenceLogprobs);
    }
    if (batch.samplingLogprobs) {
      gather(rowAt(batch.samplingLogprobs, i), taken, this.samplingLogprobs);
    }
    const size = this.isCollapsed ? Math.min(length, 1) : length;
    this.#loadRatio(length, size, positions.length);
    const rule = this.#loadEngineRatio(length);
    this.#loadSelection(i, taken, length);
    if (this.#entropyThreshold !== null && batch.entropies) {
      gather(rowAt(batch.entropies, i), taken, this.#entropyMask);
      for (let t = 0; t < length; t += 1) {
        const isKept = this.#mask[t] !== 0 && this.#entropyMask[t]! >= this.#entropyThreshold;
        this.#entropyMask[t] = isKept ? 1 : 0;
      }
    }
    return {
      index: i,
      length: size,
      tokens: positions.length,
      repeat: this.isCollapsed ? positions.length : 1,
      logprobs: this.#logprobs,
      oldLogprobs: this.#oldLogprobs,
      logRatio: this.#logRatio,
      ratio: this.#ratio,
      advantages: this.#advantages,
      advantageIsRow: advantageRows === null,
      mask: this.#mask,
      engineRatio: rule === null ? null : this.#engineRatio,
      engineRatioIsSequence: rule?.perSequence ?? false,
      entropyMask: this.#entropyThreshold === null ? null : this.#entropyMask,
      selected: this.#selected,
    };
  }

  /** Fills the first `size` log-ratios and ratios of a row of `length` positions. */
  #loadRatio(length: number, size: number, tokens: number): void {
    const { level, logRatioBounds, loss, settings } = this.#prepared;
    const logprobs = this.#logprobs;
    const old = this.#oldLogprobs;
    const logRatio = this.#logRatio;
    if (level === 'token') {
      for (let t = 0; t < size; t += 1) logRatio[t] = logprobs[t]! - old[t]!;
    } else logRatio.fill(this.#meanLogRatio(length, tokens), 0, size);
    if (logRatioBounds !== null) {
      const [low, high] = logRatioBounds;
      for (let t = 0; t < size; t += 1) {
        const d = logRatio[t]!;
        this.unboundedLogRatio[t] = d;
        logRatio[t] = Math.min(Math.max(d, low), high);
      }
    }
    if (loss.usesRatio || settings.details || settings.useBiasCorrectionKl) {
      exponentials(logRatio, size, this.#ratio);
    }
  }

  /** Σ_t (ℓ − o) m / max(n, 1). */
  #meanLogRatio(length: number, tokens: number): number {
    let sum = 0;
    for (let t = 0; t < length; t += 1) {
      if (this.#mask[t] !== 0) sum += this.#logprobs[t]! - this.#oldLogprobs[t]!;
    }
    return sum / Math.max(tokens, 1);
  }

  #loadEngineRatio(length: number): { perSequence: boolean } | null {
    const correction = this.#prepared.settings.engineCorrection;
    if (correction === null) return null;
    const mode = correction.mode ?? 'sequence_mask';
    const rule = engineRatioRules[mode];
    if (rule === undefined) {
      throw new RlError(
        'unknown-name',
        `Unknown engine correction "${mode}". Known: ${Object.keys(engineRatioRules).join(', ')}.`,
      );
    }
    engineRatio(this.#oldLogprobs, this.samplingLogprobs, this.#mask, length, {
      rule,
      clipMin: correction.clipMin ?? Number.NEGATIVE_INFINITY,
      clipMax:
        correction.clipMax === undefined ? 3 : (correction.clipMax ?? Number.POSITIVE_INFINITY),
      out: this.#engineRatio,
    });
    return rule;
  }

  #loadSelection(i: number, taken: Int32Array | null, length: number): void {
    if (this.#selection === null) return;
    const chosen = this.#selection.get(i);
    for (let k = 0; k < length; k += 1) {
      const t = taken === null ? k : taken[k]!;
      this.#selected[k] = chosen?.has(t) === true ? 1 : 0;
    }
  }
}
