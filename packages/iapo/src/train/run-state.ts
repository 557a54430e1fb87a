import type { Checkpoint, NamedArrays, OptimizerState } from '@iapo/rl-core';
import { IapoError } from '../errors.js';
import type { AgentPrompt } from '../model/agent-model.js';
import type { GroupAgreement } from '../signal/rank-agreement.js';
import type { SignalTracker } from '../signal/signal-health.js';
import type { TrainIapoSettings } from './options.js';

/** Counters of a run. */
export interface Progress {
  /** Steps completed. */
  step: number;
  /** Updates so far, skipped ones included: the schedule's clock and the version of the parameters. */
  updates: number;
  /** Tokens sampled so far. */
  tokens: number;
}

interface SavedState {
  readonly progress: Progress;
  readonly optimizer: { readonly name: string; readonly steps: OptimizerState['steps'] };
  readonly signal: readonly (readonly GroupAgreement[])[];
}

/** Everything that the next step depends on. Random choices have no state: they are named by the step. */
export function captureState<P extends AgentPrompt, T extends AgentPrompt>(
  { student, optimizer }: TrainIapoSettings<P, T>,
  progress: Progress,
  signal: SignalTracker,
): { state: SavedState; arrays: Readonly<Record<string, NamedArrays>> } {
  const { optimizer: name, steps, arrays } = optimizer.state();
  return {
    state: { progress: { ...progress }, optimizer: { name, steps }, signal: signal.state() },
    arrays: { policy: student.parameters(), optimizer: arrays },
  };
}

/**
 * Puts a checkpoint's state back.
 *
 * @throws {IapoError} `run-damaged` for a student of another shape than the one that wrote it.
 */
export async function restoreState<P extends AgentPrompt, T extends AgentPrompt>(
  { student, optimizer }: TrainIapoSettings<P, T>,
  signal: SignalTracker,
  checkpoint: Checkpoint,
): Promise<Progress> {
  // Written by `captureState`; its hash and the run's configuration have been compared.
  const saved = checkpoint.state as SavedState;
  const parameters = student.parameters();
  const stored = checkpoint.arrays.policy ?? {};
  for (const name of new Set([...Object.keys(parameters), ...Object.keys(stored)])) {
    const [expected, got] = [parameters[name]?.length, stored[name]?.length];
    if (expected === undefined || expected !== got) {
      throw new IapoError(
        'run-damaged',
        `The checkpoint's "${name}" has ${got ?? 'no'} numbers, the student's ${expected ?? 'none'}. Resume with the student that wrote it.`,
      );
    }
    parameters[name]!.set(stored[name]!);
  }
  const { name, steps } = saved.optimizer;
  optimizer.load({ optimizer: name, steps, arrays: checkpoint.arrays.optimizer ?? {} });
  signal.restore(saved.signal);
  await student.parametersChanged?.();
  return { ...saved.progress };
}
