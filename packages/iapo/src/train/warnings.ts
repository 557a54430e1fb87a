import type { IapoReward } from '../reward/iapo-reward.js';
import type { SignalHealth } from '../signal/signal-health.js';
import type { WarningCode } from './events.js';
import type { ExplainedCalls } from './explain-calls.js';

/** Pairs from which on an interval that holds 0.5 says something. */
const enoughPairs = 200;

/** What a step shows that the one who runs it should know. */
export function warningsOf({
  explained,
  health,
  reward,
  isOn,
}: {
  readonly explained: ExplainedCalls;
  readonly health: SignalHealth;
  readonly reward: IapoReward;
  /** Whether calls are explained at all. */
  readonly isOn: boolean;
}): { code: WarningCode; message: string }[] {
  if (!isOn) return [];
  const warnings: { code: WarningCode; message: string }[] = [];
  const decided = health.decidedByPenalty.length;
  if (decided > 0 && reward.lambda > 0) {
    warnings.push({
      code: 'penalty-decides',
      message: `In ${decided} group${decided === 1 ? '' : 's'} all outcomes are equal and the penalty alone decides. \`reward.gate: 'mixedGroups'\` leaves such groups out, \`reward.scaling\` or \`reward.advantage: 'none'\` makes the penalty smaller.`,
    });
  }
  if (explained.chosen > 0 && explained.blocks === null) {
    const [failure] = explained.failures;
    warnings.push({
      code: 'no-explanation',
      message: `None of ${explained.chosen} calls could be explained${failure === undefined ? '' : `: ${failure.reason}`}`,
    });
  }
  const { interval, auc, pairs } = health.window;
  if (interval !== null && pairs >= enoughPairs && interval[1] <= 0.5) {
    warnings.push({
      code: 'no-signal',
      message: `Right answers are not nearer to the teacher than wrong ones: AUC ${auc?.toFixed(2)}, 95 % interval ${interval.map((end) => end.toFixed(2)).join(' to ')}.`,
    });
  }
  return warnings;
}
