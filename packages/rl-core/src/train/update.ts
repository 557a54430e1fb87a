import { RlError } from '../errors.js';
import { GradientAccumulator, globalNorm } from '../optimizers/gradients.js';
import type { NamedArrays } from '../optimizers/types.js';
import { type PolicyLossResult, policyLoss } from '../policy-loss.js';
import { splitSeed } from '../random.js';
import type { Row } from '../rows.js';
import { scoreTokens, type TrainingRow } from './batch.js';
import type { SampleIdentity } from './events.js';
import type { TrainSettings } from './options.js';
import type { TokenScores } from './policy.js';

/** A sample that was left out, and why. */
export interface SkippedSamples {
  readonly samples: readonly SampleIdentity[];
  readonly reason: string;
}

/** Loss and gradient of one mini-batch. `gradients` is null when nothing has influence. */
export interface MiniBatchResult {
  readonly result: PolicyLossResult | null;
  readonly gradients: NamedArrays | null;
  readonly gradientNorm: number;
  readonly skipped: readonly SkippedSamples[];
}

const identityOf = ({ trajectory }: TrainingRow<unknown, unknown>): SampleIdentity => ({
  promptIndex: trajectory.promptIndex,
  sampleIndex: trajectory.sampleIndex,
});

function describe(samples: readonly SampleIdentity[]): string {
  return samples.map((s) => `prompt ${s.promptIndex} sample ${s.sampleIndex}`).join(', ');
}

function isNonFinite(error: unknown): error is RlError {
  return error instanceof RlError && error.code === 'non-finite';
}

/** Loss over the rows whose numbers are finite. With `onNonFinite: 'stop'` the first that are not end the run. */
function lossOfRows<Prompt, Sequence>(
  settings: TrainSettings<Prompt, Sequence>,
  rows: readonly TrainingRow<Prompt, Sequence>[],
  scores: readonly TokenScores[],
  options: { update: number; entropyCoef: number | null },
): {
  result: PolicyLossResult | null;
  kept: readonly TrainingRow<Prompt, Sequence>[];
  skipped: SkippedSamples[];
} {
  const skipped: SkippedSamples[] = [];
  let indices = rows.map((_, i) => i);
  while (indices.length > 0) {
    const kept = indices.map((i) => rows[i]!);
    const current = indices.map((i) => scores[i]!);
    const advantages = kept.map((row) => row.advantage);
    const samplingLogprobs = kept.map(({ trajectory }) => trajectory.sample.samplingLogprobs);
    try {
      const result = policyLoss(
        {
          logprobs: current.map((score) => score.logprobs),
          // Either all are numbers or all are rows, as the estimator's level says.
          advantages: advantages as readonly number[] | readonly Row[],
          completionMask: kept.map((row) => row.mask),
          oldLogprobs: kept.map((row) => row.old.logprobs),
          referenceLogprobs: allOrNull(kept.map((row) => row.reference)),
          samplingLogprobs: allOrNull(samplingLogprobs),
          entropies: allOrNull(current.map((score) => score.entropies)),
        },
        {
          ...settings.loss,
          seed: splitSeed(settings.seed, 'loss', options.update),
          ...(options.entropyCoef === null ? {} : { entropyCoef: options.entropyCoef }),
        },
      );
      return { result, kept, skipped };
    } catch (error) {
      const row = isNonFinite(error) ? error.details.row : null;
      if (!isNonFinite(error) || typeof row !== 'number') throw error;
      const samples = [identityOf(kept[row]!)];
      if (settings.onNonFinite === 'stop') throw stopped(error, samples);
      skipped.push({ samples, reason: error.message });
      indices = indices.filter((_, i) => i !== row);
    }
  }
  return { result: null, kept: [], skipped };
}

/** The loss, its cotangents, and the policy's gradient, accumulated over micro-batches. */
export async function computeMiniBatch<Prompt, Sequence>(
  settings: TrainSettings<Prompt, Sequence>,
  rows: readonly TrainingRow<Prompt, Sequence>[],
  options: {
    update: number;
    /** Whether the policy still is the one that gave `old`. */
    isOnPolicy: boolean;
    entropy: boolean;
    entropyCoef: number | null;
  },
): Promise<MiniBatchResult> {
  const { policy, signal } = settings;
  const scores = options.isOnPolicy
    ? rows.map((row) => row.old)
    : await scoreTokens(
        policy,
        rows.map((row) => row.trajectory),
        { entropy: options.entropy, signal, who: 'policy' },
      );
  const { result, kept, skipped } = lossOfRows(settings, rows, scores, options);
  if (result === null) return { result, gradients: null, gradientNorm: 0, skipped };
  const entropyCotangents = result.entropyCotangents;
  // Rows without influence need no backward pass.
  const active = kept
    .map((_, i) => i)
    .filter((i) => entropyCotangents !== null || result.cotangents[i]!.some((c) => c !== 0));
  const accumulator = new GradientAccumulator();
  const size = settings.microBatchSize ?? Math.max(active.length, 1);
  let hasGradient = false;
  for (let start = 0; start < active.length; start += size) {
    const part = active.slice(start, start + size);
    const gradients = await policy.backward(
      part.map((i) => kept[i]!.trajectory.sample.sequence),
      part.map((i) => Float32Array.from(result.cotangents[i]!)),
      {
        entropyCotangents:
          entropyCotangents === null
            ? null
            : part.map((i) => Float32Array.from(entropyCotangents[i]!)),
        signal,
      },
    );
    if (Number.isFinite(globalNorm(gradients))) {
      accumulator.add(gradients);
      hasGradient = true;
      continue;
    }
    const samples = part.map((i) => identityOf(kept[i]!));
    const reason = `The gradient of ${describe(samples)} is not finite.`;
    if (settings.onNonFinite === 'stop') {
      throw new RlError('non-finite', reason, { details: { name: 'gradient', samples } });
    }
    skipped.push({ samples, reason });
  }
  if (!hasGradient) return { result, gradients: null, gradientNorm: 0, skipped };
  const gradients = accumulator.take();
  return { result, gradients, gradientNorm: globalNorm(gradients), skipped };
}

function stopped(error: RlError, samples: readonly SampleIdentity[]): RlError {
  return new RlError('non-finite', `${error.message} It is ${describe(samples)}.`, {
    cause: error,
    details: { ...error.details, samples },
  });
}

function allOrNull<T>(values: readonly (T | null | undefined)[]): readonly T[] | null {
  const present = values.filter((value) => value !== null && value !== undefined);
  return present.length === values.length ? present : null;
}
