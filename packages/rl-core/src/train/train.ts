import { appliedEntropyCoefficient, updateAdaptiveEntropy } from '../corrections/entropy-bonus.js';
import { RlError } from '../errors.js';
import { gradientClipFactor } from '../optimizers/gradients.js';
import { RunFolder } from '../runs/run-folder.js';
import type { SummaryValue } from '../tensorboard/records.js';
import { prepareRows, type TrainingRow } from './batch.js';
import { collectRollout, type Rollout } from './collect.js';
import { DataOrder } from './data-order.js';
import type { Metrics, RecordedEvent, SessionEvent, TrainEvent } from './events.js';
import { configOf, resolveTrainOptions, type TrainOptions, type TrainSettings } from './options.js';
import { mergeUpdateMetrics, rolloutMetrics } from './step-metrics.js';
import { captureState, type Progress, restoreState } from './train-state.js';
import { computeMiniBatch } from './update.js';

/**
 * Trains a policy on rewards, and tells about it event by event:
 * collect → score → advantages → loss and backward → clip → step → log → save.
 *
 * Nothing but wall-clock fields depends on anything besides the options and the policy, so the same seed gives
 * the same bytes, and a run that was killed and resumed ends with those of one that was not. Stopping the
 * iteration early (or the signal) closes the run folder properly; `resume: true` continues from the last checkpoint.
 *
 * @throws {RlError} Before the first event for options that cannot work; while running `non-finite` with the
 * sample's identity, `invalid-reward`, `aborted`, or an error of the run folder.
 * @example
 * for await (const event of train({ policy, prompts, rewards: { right }, steps: 100, runFolder: 'runs/first' })) {
 *   if (event.type === 'step-end') console.log(event.step, event.metrics.reward);
 * }
 */
export async function* train<Prompt, Sequence>(
  options: TrainOptions<Prompt, Sequence>,
): AsyncGenerator<TrainEvent, void, void> {
  const settings = resolveTrainOptions(options);
  const { policy, optimizer, steps, clock } = settings;
  const order = new DataOrder(settings.prompts.length, settings);
  let progress: Progress = {
    step: 0,
    updates: 0,
    tokens: 0,
    skipped: 0,
    entropy: { coefficient: settings.loss.entropyCoef ?? 0, lastEntropy: null },
  };
  const run =
    settings.runFolder === null
      ? null
      : await RunFolder.open(settings.runFolder, {
          config: configOf(settings),
          resume: settings.resume,
          clock,
          keepCheckpoints: settings.keepCheckpoints,
        });
  try {
    const checkpoint = run?.opened.checkpoint ?? null;
    if (checkpoint !== null) progress = await restoreState(settings, order, checkpoint);
    const stamp = stamper(settings, progress.step);
    const record = (event: RecordedEvent): TrainEvent => {
      const stamped = { ...event, clock: stamp(progress.step) };
      run?.addEvent(stamped);
      return stamped;
    };
    const tell = (event: SessionEvent): TrainEvent => ({ ...event, clock: stamp(progress.step) });

    for (const refused of run?.opened.refused ?? []) {
      yield tell({ type: 'checkpoint-refused', ...refused });
    }
    const sizes = Object.values(policy.parameters()).map(({ length }) => length);
    yield tell({
      type: 'run-start',
      step: progress.step,
      totalSteps: steps,
      parameters: sizes.reduce((sum, size) => sum + size, 0),
      resumedFrom: checkpoint?.step ?? null,
    });

    let isExhausted = false;
    while (progress.step < steps && !isExhausted) {
      assertNotAborted(settings);
      const step = progress.step + 1;

      // Collect and score: groups of samples, each with the rewards of every function.
      const rollout = await collectRollout(settings, order, { step, version: progress.updates });
      isExhausted = rollout.isExhausted;
      const tokens = rollout.trajectories.reduce((sum, { sample }) => sum + sample.length, 0);
      const collected = rolloutMetrics(rollout);
      progress.tokens += tokens;
      yield record({
        type: 'rollout-end',
        step,
        epoch: order.epoch,
        groups: rollout.groups,
        sequences: rollout.trajectories.length,
        tokens,
        droppedGroups: rollout.droppedGroups,
        metrics: collected,
      });
      if (rollout.withoutSpread.length > 0) {
        yield record({ type: 'groups-without-spread', step, promptIndices: rollout.withoutSpread });
      }

      // Advantages, with the log-probabilities before the first update of this batch.
      const entropy = needsEntropy(settings);
      const prepared = await prepareRows(settings, rollout, { entropy });
      const firstUpdate = progress.updates;
      const updates: Metrics[] = [];
      let stale = 0;
      let skipped = 0;

      // Updates: μ passes over the batch, each cut into mini-batches.
      for (const part of miniBatchesOf(settings, prepared.rows)) {
        assertNotAborted(settings);
        const fresh = part.filter(({ trajectory }) =>
          isFresh(settings, trajectory.version, progress),
        );
        stale += part.length - fresh.length;
        const update = progress.updates + 1;
        const factor = settings.schedule.factor(progress.updates, {
          totalSteps: steps * settings.updatesPerBatch * settings.miniBatches,
          warmupSteps: settings.warmupSteps,
          minimumFactor: settings.minimumFactor,
        });
        const learningRate = settings.learningRate * factor;
        const {
          result,
          gradients,
          gradientNorm,
          skipped: left,
        } = await computeMiniBatch(settings, fresh, {
          update,
          isOnPolicy: progress.updates === firstUpdate,
          entropy,
          entropyCoef: entropyCoefficient(settings, progress),
        });
        progress.updates = update;
        for (const { samples, reason } of left) {
          skipped += samples.length;
          yield record({ type: 'samples-skipped', step, samples, reason });
        }
        if (result === null || gradients === null) {
          const reason =
            left.length > 0 ? 'non-finite' : fresh.length < part.length ? 'stale' : 'no-signal';
          yield record({ type: 'update-skipped', step, update, reason });
          continue;
        }
        const { maxGradientNorm } = settings;
        const gradientScale =
          maxGradientNorm === null ? 1 : gradientClipFactor(gradientNorm, maxGradientNorm);
        optimizer.step(policy.parameters(), gradients, { learningRate, gradientScale });
        await policy.parametersChanged?.();
        adaptEntropy(settings, progress, result.metrics.entropy ?? null);
        const { loss, policyLoss, metrics } = result;
        updates.push({ ...metrics, loss, policy_loss: policyLoss, grad_norm: gradientNorm });
        yield record({
          type: 'update-end',
          step,
          update,
          loss,
          gradientNorm,
          learningRate,
          metrics,
        });
      }

      // Log, then save.
      progress.step = step;
      progress.skipped += skipped;
      const metrics: Metrics = {
        ...prepared.metrics,
        ...collected,
        ...mergeUpdateMetrics(updates),
        learning_rate: currentLearningRate(settings, firstUpdate),
        num_tokens: progress.tokens,
        epoch: order.epoch,
        'updates/done': updates.length,
        'samples/stale': stale,
        'samples/skipped': skipped,
        ...(settings.adaptiveEntropy === null
          ? {}
          : { entropy_coef: progress.entropy.coefficient }),
      };
      yield record({ type: 'step-end', step, metrics });
      run?.addSummary(step, [...scalarsOf(metrics), ...inspected(settings, rollout, step)]);
      await run?.flush();
      const isLast = step === steps || isExhausted;
      if (run !== null && (isLast || step % settings.checkpointEvery === 0)) {
        const { state, arrays } = captureState(settings, order, progress);
        const path = await run.save(step, state, arrays, metrics[settings.bestMetric] ?? null);
        yield tell({ type: 'checkpoint-saved', step, path });
      }
    }
    const reason = progress.step < steps ? 'prompts-exhausted' : 'completed';
    yield record({ type: 'run-end', step: progress.step, reason });
  } finally {
    await run?.close();
  }
}

/** The clock of events: remaining time from the mean of the steps done in this process. */
function stamper(
  { clock, steps }: { readonly clock: () => number; readonly steps: number },
  firstStep: number,
): (step: number) => TrainEvent['clock'] {
  const start = clock();
  return (step) => {
    const now = clock();
    const done = step - firstStep;
    return {
      time: new Date(now).toISOString(),
      elapsedMs: now - start,
      remainingMs: done === 0 ? null : ((now - start) / done) * (steps - step),
    };
  };
}

function assertNotAborted({ signal }: { readonly signal: AbortSignal | undefined }): void {
  if (signal?.aborted !== true) return;
  throw new RlError('aborted', 'The run was stopped by its signal; resume it from its folder.', {
    cause: signal.reason,
  });
}

/** Cuts the batch into equal parts in order, and goes over them μ times. */
function miniBatchesOf<Prompt, Sequence>(
  { updatesPerBatch, miniBatches }: TrainSettings<Prompt, Sequence>,
  rows: readonly TrainingRow<Prompt, Sequence>[],
): (readonly TrainingRow<Prompt, Sequence>[])[] {
  const size = Math.ceil(rows.length / miniBatches);
  const parts = Array.from({ length: miniBatches }, (_, k) => rows.slice(k * size, (k + 1) * size));
  return Array.from({ length: updatesPerBatch }, () => parts).flat();
}

function isFresh<Prompt, Sequence>(
  { maxStaleness }: TrainSettings<Prompt, Sequence>,
  version: number,
  { updates }: Progress,
): boolean {
  return maxStaleness === null || updates - version <= maxStaleness;
}

function needsEntropy<Prompt, Sequence>({
  loss,
  adaptiveEntropy,
}: TrainSettings<Prompt, Sequence>): boolean {
  const hasMask = (loss.topEntropyQuantile ?? 1) < 1;
  return hasMask || (loss.entropyCoef ?? 0) !== 0 || adaptiveEntropy !== null;
}

function entropyCoefficient<Prompt, Sequence>(
  { adaptiveEntropy }: TrainSettings<Prompt, Sequence>,
  { entropy }: Progress,
): number | null {
  return adaptiveEntropy === null ? null : appliedEntropyCoefficient(entropy, adaptiveEntropy);
}

function adaptEntropy<Prompt, Sequence>(
  { adaptiveEntropy }: TrainSettings<Prompt, Sequence>,
  progress: Progress,
  entropy: number | null,
): void {
  if (adaptiveEntropy === null || entropy === null) return;
  progress.entropy = updateAdaptiveEntropy(progress.entropy, entropy, adaptiveEntropy);
}

/** The learning rate of the step's first update. */
function currentLearningRate<Prompt, Sequence>(
  settings: TrainSettings<Prompt, Sequence>,
  update: number,
): number {
  const { steps, updatesPerBatch, miniBatches, warmupSteps, minimumFactor } = settings;
  const totalSteps = steps * updatesPerBatch * miniBatches;
  const factor = settings.schedule.factor(update, { totalSteps, warmupSteps, minimumFactor });
  return settings.learningRate * factor;
}

function scalarsOf(metrics: Metrics): SummaryValue[] {
  return Object.entries(metrics).flatMap(([tag, value]) =>
    value === null ? [] : [{ kind: 'scalar' as const, tag, value }],
  );
}

function inspected<Prompt, Sequence>(
  settings: TrainSettings<Prompt, Sequence>,
  rollout: Rollout<Prompt, Sequence>,
  step: number,
): readonly SummaryValue[] {
  if (settings.inspect === null || settings.inspect === undefined) return [];
  const samples = rollout.trajectories.map(
    ({ prompt, promptIndex, sampleIndex, sample, rewards }) => ({
      prompt,
      promptIndex,
      sampleIndex,
      sample,
      rewards: Object.fromEntries(
        settings.rewardNames.map((name, k) => [name, rewards[k] ?? null]),
      ),
    }),
  );
  return settings.inspect(samples, step);
}
