import {
  GradientAccumulator,
  globalNorm,
  type NamedArrays,
  type PolicyLossResult,
  policyLoss,
  RlError,
  splitSeed,
} from '@iapo/rl-core';
import { IapoError } from '../errors.js';
import type {
  AgentPrompt,
  AgentScores,
  AgentSequence,
  ScoringModel,
} from '../model/agent-model.js';
import { maskedImageSequence } from '../model/masked-images.js';
import type { PlayedEpisode } from '../model/play-episodes.js';
import type { TrainIapoSettings } from './options.js';

/** A rollout with what an update needs of it. */
export interface TrainingRow<Prompt> {
  readonly episode: PlayedEpisode<Prompt>;
  readonly sequence: AgentSequence<Prompt>;
  /** 1 on tokens that are trained, `[T]`. */
  readonly mask: Uint8Array;
  /** As sampled, `[T]`. */
  readonly samplingLogprobs: readonly number[];
  /** Before the batch's first update. */
  readonly old: AgentScores;
  readonly reference: ArrayLike<number> | null;
  /** Under the masked pictures, for PAPO's term. */
  readonly maskedImage: ArrayLike<number> | null;
}

/** Loss and gradient of a batch; `null` gradients when nothing has influence. */
export interface BatchUpdate {
  readonly loss: PolicyLossResult;
  readonly gradients: NamedArrays | null;
  readonly gradientNorm: number;
}

/** Scores rollouts under the policy and the reference. */
export async function scoreRows<P extends AgentPrompt, T extends AgentPrompt>(
  settings: TrainIapoSettings<P, T>,
  episodes: readonly PlayedEpisode<P>[],
  step: number,
): Promise<TrainingRow<P>[]> {
  const { student, reference, trainTurns, loss, oldLogprobs } = settings;
  const old =
    oldLogprobs === 'sampled' ? null : await scoreSampled(student, episodes, settings, 'student');
  const referenceScores =
    (loss.beta ?? 0) === 0 || reference === null
      ? null
      : await scoreSampled(reference, episodes, settings, 'reference');
  const maskedScores = await scoreMaskedImages(settings, episodes, step);
  return episodes.map((episode, index) => {
    const samplingLogprobs = sampledLogprobs(episode);
    const mask = new Uint8Array(samplingLogprobs.length).fill(1);
    if (trainTurns === 'last') mask.fill(0, 0, mask.length - episode.sequence.completion.length);
    return {
      episode,
      sequence: episode.sequence,
      mask,
      samplingLogprobs,
      old: old?.[index] ?? { logprobs: samplingLogprobs, entropies: null },
      reference: referenceScores?.[index]?.logprobs ?? null,
      maskedImage: maskedScores?.[index]?.logprobs ?? null,
    };
  });
}

/** The loss over all rows, its cotangents, and the student's gradient, accumulated over micro-batches. */
export async function computeUpdate<P extends AgentPrompt, T extends AgentPrompt>(
  settings: TrainIapoSettings<P, T>,
  rows: readonly TrainingRow<P>[],
  options: {
    /** One number a row, or one a token. */
    readonly advantages: ArrayLike<number> | readonly ArrayLike<number>[];
    readonly update: number;
    /** Whether the policy still is the one that gave `old`. */
    readonly isOnPolicy: boolean;
  },
): Promise<BatchUpdate> {
  const { student, signal, microBatchSize } = settings;
  const { temperature } = settings.episode;
  const scores = options.isOnPolicy
    ? rows.map(({ old }) => old)
    : await scoreSampled(
        student,
        rows.map(({ episode }) => episode),
        settings,
        'student',
      );
  const loss = policyLoss(
    {
      logprobs: scores.map(({ logprobs }) => logprobs),
      advantages: options.advantages,
      completionMask: rows.map(({ mask }) => mask),
      oldLogprobs: rows.map(({ old }) => old.logprobs),
      referenceLogprobs: allOrNull(rows.map(({ reference }) => reference)),
      samplingLogprobs: rows.map(({ samplingLogprobs }) => samplingLogprobs),
      maskedImageLogprobs: allOrNull(rows.map(({ maskedImage }) => maskedImage)),
      entropies: allOrNull(scores.map(({ entropies }) => entropies ?? null)),
    },
    { ...settings.loss, seed: splitSeed(settings.seed, 'loss', options.update) },
  );
  const { entropyCotangents } = loss;
  // Rows without influence need no backward pass.
  const active = [...rows.keys()].filter(
    (i) => entropyCotangents !== null || loss.cotangents[i]!.some((value) => value !== 0),
  );
  if (active.length === 0) return { loss, gradients: null, gradientNorm: 0 };
  const accumulator = new GradientAccumulator();
  const size = microBatchSize ?? active.length;
  for (let start = 0; start < active.length; start += size) {
    const part = active.slice(start, start + size);
    const { gradients } = await student.backward(
      part.map((i) => rows[i]!.sequence),
      part.map((i) => Float32Array.from(loss.cotangents[i]!)),
      {
        wrt: settings.wrt,
        ...(temperature === undefined ? {} : { temperature }),
        ...(entropyCotangents === null
          ? {}
          : { entropyCotangents: part.map((i) => Float32Array.from(entropyCotangents[i]!)) }),
        ...(signal === undefined ? {} : { signal }),
      },
    );
    if (!Number.isFinite(globalNorm(gradients))) {
      const tasks = [...new Set(part.map((i) => `"${rows[i]!.episode.task.id}"`))].join(', ');
      throw new IapoError('non-finite', `The gradient of task ${tasks} is not finite.`);
    }
    accumulator.add(gradients);
  }
  const gradients = accumulator.take();
  return { loss, gradients, gradientNorm: globalNorm(gradients) };
}

/** Scores rollouts as if their pictures could hardly be seen, where the loss asks for it. */
async function scoreMaskedImages<P extends AgentPrompt, T extends AgentPrompt>(
  settings: TrainIapoSettings<P, T>,
  episodes: readonly PlayedEpisode<P>[],
  step: number,
): Promise<readonly AgentScores[] | null> {
  const { student, loss, perception, seed } = settings;
  if ((loss.perceptionCoef ?? 0) === 0 && (loss.perceptionEntropyCoef ?? 0) === 0) return null;
  const masked = await Promise.all(
    episodes.map(async (episode, index) => ({
      ...episode,
      sequence: await maskedImageSequence(student, episode.conversation, {
        ...perception,
        seed: splitSeed(seed, 'perception', step, index),
      }),
    })),
  );
  return scoreSampled(student, masked, settings, 'student');
}

/** True for a number that is not finite, wherever it was noticed. */
export function isNonFinite(error: unknown): error is RlError | IapoError {
  return (error instanceof RlError || error instanceof IapoError) && error.code === 'non-finite';
}

async function scoreSampled<P>(
  model: ScoringModel<P>,
  episodes: readonly PlayedEpisode<P>[],
  { episode: { temperature }, signal }: Pick<TrainIapoSettings<never, never>, 'episode' | 'signal'>,
  who: string,
): Promise<readonly AgentScores[]> {
  const scores = await model.logprobs(
    episodes.map(({ sequence }) => sequence),
    {
      entropy: true,
      ...(temperature === undefined ? {} : { temperature }),
      ...(signal === undefined ? {} : { signal }),
    },
  );
  const wrong = episodes.findIndex(
    ({ trajectory }, i) => scores[i]?.logprobs.length !== trajectory.counts.modelTokens,
  );
  if (wrong >= 0) {
    throw new IapoError(
      'model-output',
      `The ${who} scored ${scores[wrong]?.logprobs.length ?? 'no'} tokens of an episode of task "${episodes[wrong]?.task.id}", expected the ${episodes[wrong]?.trajectory.counts.modelTokens} that were sampled.`,
    );
  }
  return scores;
}

function sampledLogprobs({ trajectory }: PlayedEpisode<unknown>): number[] {
  return trajectory.segments.flatMap(({ author, logprobs }) =>
    author === 'model' ? [...logprobs] : [],
  );
}

function allOrNull<V>(values: readonly (V | null)[]): readonly V[] | null {
  const present = values.filter((value) => value !== null);
  return present.length === values.length ? present : null;
}
