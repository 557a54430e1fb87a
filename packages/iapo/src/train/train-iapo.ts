import { AttributionCache } from '@iapo/attribution';
import { gradientClipFactor, RunFolder, splitSeed } from '@iapo/rl-core';
import { IapoError } from '../errors.js';
import { Explainer } from '../explain/explainer.js';
import type { AgentPrompt } from '../model/agent-model.js';
import { playEpisodes } from '../model/play-episodes.js';
import { iapoReward } from '../reward/iapo-reward.js';
import { penalizedSamples } from '../reward/penalty-gates.js';
import { writeTrajectories } from '../runs/trajectory-files.js';
import { SignalTracker } from '../signal/signal-health.js';
import { drawTasks } from './draw-tasks.js';
import { stamper } from './event-clock.js';
import type { IapoEvent, Metrics, RecordedIapoEvent, SessionIapoEvent } from './events.js';
import { explainCalls } from './explain-calls.js';
import { furtherParts } from './further-parts.js';
import { keptTrajectories } from './kept-trajectories.js';
import {
  configOf,
  resolveTrainIapoOptions,
  type TrainIapoOptions,
  type TrainIapoSettings,
} from './options.js';
import { captureState, type Progress, restoreState } from './run-state.js';
import { scoreEpisodes } from './score-episodes.js';
import {
  blockMetrics,
  meanEntropy,
  meanOfUpdates,
  penaltyMetrics,
  rolloutMetrics,
} from './step-metrics.js';
import { Stopwatch } from './stopwatch.js';
import { type BatchUpdate, computeUpdate, isNonFinite, scoreRows } from './update.js';
import { warningsOf } from './warnings.js';

/**
 * Trains a student to use tools, rewarded for right answers and for calls that are driven by the same parts of the
 * prompt as a teacher's (IAPO, 2606.11652), and tells about it event by event.
 *
 * Nothing but `clock` depends on anything besides the options and the models, so the same seed gives the same bytes,
 * and a run that was killed and resumed ends with those of one that was not. Stopping the iteration early, or the
 * signal, closes the run folder properly; `resume: true` continues from the last checkpoint.
 *
 * @throws {IapoError} Before the first event for options that cannot work; while running `non-finite`,
 *   `model-output`, `aborted`. Errors of rl-core's run folder and of the models pass through.
 * @example
 * for await (const event of trainIapo({ student, teacher, tasks, steps: 100, runFolder: 'runs/first' })) {
 *   if (event.type === 'step-end') console.log(event.step, event.metrics.accuracy);
 * }
 */
export async function* trainIapo<Prompt extends AgentPrompt, TeacherPrompt extends AgentPrompt>(
  options: TrainIapoOptions<Prompt, TeacherPrompt>,
): AsyncGenerator<IapoEvent, void, void> {
  const settings = resolveTrainIapoOptions(options);
  const { student, optimizer, steps, seed, signal, samplesPerPrompt } = settings;
  const tracker = new SignalTracker();
  const stopwatch = new Stopwatch(settings.clock);
  const run = await openRun(settings);
  try {
    const checkpoint = run?.opened.checkpoint ?? null;
    const progress: Progress =
      checkpoint === null
        ? { step: 0, updates: 0, tokens: 0 }
        : await restoreState(settings, tracker, checkpoint);
    const explainer = await createExplainer(settings);
    const stamp = stamper(settings, progress.step);
    const tell = (event: SessionIapoEvent): IapoEvent => ({
      ...event,
      clock: stamp(progress.step),
    });
    const record = (
      event: RecordedIapoEvent,
      more: Partial<IapoEvent['clock']> = {},
    ): IapoEvent => {
      const stamped = { ...event, clock: { ...stamp(progress.step), ...more } };
      run?.addEvent(stamped);
      return stamped;
    };
    for (const refused of run?.opened.refused ?? []) {
      yield tell({ type: 'checkpoint-refused', ...refused });
    }
    yield tell({
      type: 'run-start',
      step: progress.step,
      totalSteps: steps,
      parameters: Object.values(student.parameters()).reduce((sum, { length }) => sum + length, 0),
      resumedFrom: checkpoint?.step ?? null,
    });

    while (progress.step < steps) {
      const step = progress.step + 1;

      // Sample a group for each task: call, tool, answer.
      const drawn = await drawTasks(settings.tasks, { ...settings, step });
      const plays = drawn.flatMap(({ task, draw }) =>
        Array.from({ length: samplesPerPrompt }, (_, i) => ({
          task,
          group: draw,
          seed: splitSeed(seed, 'sample', draw, i),
        })),
      );
      assertNotAborted(signal);
      const episodes = await stopwatch.measure('sample', () =>
        playEpisodes(student, plays, { ...settings.episode, signal }),
      );

      // Score the answers.
      const scores = await stopwatch.measure('score', () =>
        scoreEpisodes(episodes, settings.score),
      );
      const rollout = rolloutMetrics(episodes, scores);
      progress.tokens += episodes.reduce((sum, e) => sum + e.trajectory.counts.modelTokens, 0);
      yield record({ type: 'rollout-end', step, episodes: episodes.length, metrics: rollout });

      // Explain each distinct call by student and teacher.
      const explained = await stopwatch.measure('explain', () =>
        explainCalls(explainer, episodes, {
          settings: settings.explain,
          step,
          seed,
          version: progress.updates,
          isPenalized: penalizedSamples(
            settings.reward.gate ?? 'all',
            scores.map(({ outcome }) => outcome),
            plays.map(({ group }) => group),
          ),
        }),
      );

      // Divergence → reward → advantages.
      const rows = await stopwatch.measure('logprobs', () => scoreRows(settings, episodes, step));
      const parts = await furtherParts(settings.rewards, episodes, scores, { step, signal });
      const reward = iapoReward(
        episodes.map((_, i) => ({
          group: plays[i]!.group,
          outcome: scores[i]!.outcome,
          explanation: explained.explanations[i]?.pair ?? null,
          missing: explained.missing[i] ?? 'not-explained',
        })),
        {
          ...settings.reward,
          ...(explainer === null ? { lambda: 0 } : {}),
          parts,
          position: { step, totalSteps: steps },
          mask: rows.map(({ mask }) => mask),
        },
      );
      const health = tracker.add(
        reward.samples.map((sample, i) => ({ ...sample, group: plays[i]!.group })),
      );
      if (explainer !== null) {
        const { distinctCalls, chosen, failures } = explained;
        const { missing } = reward;
        yield record({ type: 'explanations-end', step, distinctCalls, chosen, missing, failures });
      }
      for (const warning of warningsOf({ explained, health, reward, isOn: explainer !== null })) {
        yield record({ type: 'warning', step, ...warning });
      }

      // Cotangents → backward → step.
      const updates: Metrics[] = [];
      const firstUpdate = progress.updates;
      for (let pass = 0; pass < settings.updatesPerBatch; pass++) {
        assertNotAborted(signal);
        const update = progress.updates + 1;
        const learningRate = learningRateAt(settings, progress.updates);
        const { advantages } = reward.advantages;
        const isOnPolicy = updates.length === 0 || progress.updates === firstUpdate;
        const batch = await stopwatch.measure('backward', () =>
          orMessage(settings, () =>
            computeUpdate(settings, rows, { advantages, update, isOnPolicy }),
          ),
        );
        progress.updates = update;
        if (typeof batch === 'string' || batch.gradients === null) {
          const reason = typeof batch === 'string' ? 'non-finite' : 'no-signal';
          const message = typeof batch === 'string' ? batch : 'all advantages are 0';
          yield record({ type: 'update-skipped', step, update, reason, message });
          continue;
        }
        const { loss, gradients, gradientNorm } = batch;
        const { maxGradientNorm } = settings;
        const gradientScale =
          maxGradientNorm === null ? 1 : gradientClipFactor(gradientNorm, maxGradientNorm);
        optimizer.step(student.parameters(), gradients, { learningRate, gradientScale });
        await student.parametersChanged?.();
        updates.push({ ...loss.metrics, loss: loss.loss, grad_norm: gradientNorm });
        const { metrics } = loss;
        yield record({
          type: 'update-end',
          step,
          update,
          loss: loss.loss,
          gradientNorm,
          learningRate,
          metrics,
        });
      }

      // Log, then save.
      progress.step = step;
      const metrics: Metrics = {
        ...reward.metrics,
        ...rollout,
        ...(explainer === null ? {} : penaltyMetrics(reward, explained.explanations, health)),
        entropy: meanEntropy(rows),
        ...meanOfUpdates(updates),
        learning_rate: learningRateAt(settings, firstUpdate),
        num_tokens: progress.tokens,
        'updates/done': updates.length,
      };
      const { blocks } = explained;
      const counts = explainer === null ? {} : { explanations: { ...explainer.counts } };
      yield record(
        { type: 'step-end', step, metrics, blocks },
        { phases: stopwatch.take(), ...counts },
      );
      if (run !== null) {
        const kept = keptTrajectories(settings, { step, episodes, scores, explained, reward });
        if (kept.length > 0) await writeTrajectories(run.path, step, kept);
        run.addSummary(step, scalars({ ...metrics, ...blockMetrics(blocks) }));
        await run.flush();
        const isDue = step === steps || step % settings.checkpointEvery === 0;
        if (isDue || settings.pause?.aborted === true) {
          const { state, arrays } = captureState(settings, progress, tracker);
          // Only regular checkpoints compete for the best, so that a pause changes nothing.
          const path = await run.save(
            step,
            state,
            arrays,
            isDue ? (metrics.accuracy ?? null) : null,
          );
          yield tell({ type: 'checkpoint-saved', step, path });
        }
      }
      if (settings.pause?.aborted === true && step < steps) {
        yield tell({ type: 'run-paused', step });
        return;
      }
    }
    yield record({ type: 'run-end', step: progress.step });
  } finally {
    await run?.close();
  }
}

async function openRun<P extends AgentPrompt, T extends AgentPrompt>(
  settings: TrainIapoSettings<P, T>,
): Promise<RunFolder | null> {
  const { runFolder, resume, clock, keepCheckpoints } = settings;
  if (runFolder === null) return null;
  return RunFolder.open(runFolder, { config: configOf(settings), resume, clock, keepCheckpoints });
}

async function createExplainer<P extends AgentPrompt, T extends AgentPrompt>(
  settings: TrainIapoSettings<P, T>,
): Promise<Explainer<P, T> | null> {
  const { student, teacher, explain, tools, seed, signal } = settings;
  if (teacher === null) return null;
  const { teacherCache } = explain;
  const disk = teacherCache === null ? null : await AttributionCache.open(teacherCache);
  return new Explainer({ student, teacher, settings: explain, tools, disk, seed, signal });
}

/** With `onNonFinite: 'skip'`, the message of a number that is not finite instead of the error. */
async function orMessage<P extends AgentPrompt, T extends AgentPrompt>(
  { onNonFinite }: TrainIapoSettings<P, T>,
  compute: () => Promise<BatchUpdate>,
): Promise<BatchUpdate | string> {
  try {
    return await compute();
  } catch (error) {
    if (onNonFinite === 'skip' && isNonFinite(error)) return error.message;
    throw error;
  }
}

function learningRateAt<P extends AgentPrompt, T extends AgentPrompt>(
  { learningRate, schedule, steps, updatesPerBatch, warmupSteps }: TrainIapoSettings<P, T>,
  update: number,
): number {
  return (
    learningRate * schedule.factor(update, { totalSteps: steps * updatesPerBatch, warmupSteps })
  );
}

function assertNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new IapoError('aborted', 'The run was stopped by its signal; resume it from its folder.', {
    cause: signal.reason,
  });
}

function scalars(metrics: Metrics): { kind: 'scalar'; tag: string; value: number }[] {
  return Object.entries(metrics).flatMap(([tag, value]) =>
    value === null ? [] : [{ kind: 'scalar' as const, tag, value }],
  );
}
