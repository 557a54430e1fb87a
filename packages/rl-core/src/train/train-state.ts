import type { AdaptiveEntropyState } from '../corrections/entropy-bonus.js';
import { RlError } from '../errors.js';
import type { NamedArrays, OptimizerState } from '../optimizers/types.js';
import type { Checkpoint } from '../runs/checkpoint.js';
import type { DataOrder, DataOrderState } from './data-order.js';
import type { TrainSettings } from './options.js';

/** Counters of a run. */
export interface Progress {
  /** Steps completed. */
  step: number;
  /** Updates so far, skipped ones included: the schedule's clock. */
  updates: number;
  /** Tokens sampled so far. */
  tokens: number;
  /** Samples left out because a number was not finite. */
  skipped: number;
  entropy: AdaptiveEntropyState;
}

/** The JSON part of a checkpoint. */
interface SavedState {
  readonly progress: Progress;
  readonly order: DataOrderState;
  readonly optimizer: { readonly name: string; readonly steps: OptimizerState['steps'] };
  readonly policy: unknown;
}

/** Everything that the next step depends on. Seeds are derived from the run's seed and these counters. */
export function captureState<Prompt, Sequence>(
  settings: TrainSettings<Prompt, Sequence>,
  order: DataOrder,
  progress: Progress,
): { state: unknown; arrays: Readonly<Record<string, NamedArrays>> } {
  const { policy } = settings;
  const optimizer = settings.optimizer.state();
  const state: SavedState = {
    progress: { ...progress },
    order: order.state(),
    optimizer: { name: optimizer.optimizer, steps: optimizer.steps },
    policy: policy.state?.() ?? null,
  };
  return { state, arrays: { policy: policy.parameters(), optimizer: optimizer.arrays } };
}

/** Puts a checkpoint's state back. Returns the counters. */
export async function restoreState<Prompt, Sequence>(
  settings: TrainSettings<Prompt, Sequence>,
  order: DataOrder,
  checkpoint: Checkpoint,
): Promise<Progress> {
  // Written by `captureState`; the manifest's hash and the configuration have been compared.
  const saved = checkpoint.state as SavedState;
  const { policy, optimizer } = settings;
  const parameters = policy.parameters();
  const stored = checkpoint.arrays.policy ?? {};
  const names = new Set([...Object.keys(parameters), ...Object.keys(stored)]);
  for (const name of names) {
    const expected = parameters[name]?.length;
    const got = stored[name]?.length;
    if (expected !== got) {
      throw new RlError(
        'config-mismatch',
        `The checkpoint's parameter "${name}" has ${got ?? 'no'} numbers, the policy's ${expected ?? 'none'}. Resume with the policy that wrote it.`,
      );
    }
    parameters[name]!.set(stored[name]!);
  }
  optimizer.load({
    optimizer: saved.optimizer.name,
    steps: saved.optimizer.steps,
    arrays: checkpoint.arrays.optimizer ?? {},
  });
  order.load(saved.order);
  policy.restore?.(saved.policy);
  await policy.parametersChanged?.();
  return { ...saved.progress };
}
