import type { Metrics } from '../train/events.js';
import { duration, sparkline } from './sparkline.js';

/** Steps that the sparkline looks back. */
const sparklineSteps = 20;

/**
 * One line about the step that just ended.
 *
 * @param accuracies Of all steps so far, the newest last.
 */
export function stepStatus(
  step: number,
  totalSteps: number,
  metrics: Metrics,
  accuracies: readonly (number | null)[],
  remainingMs: number | null,
): string {
  const value = (label: string, name: string): string[] => {
    const number = metrics[name] ?? null;
    return number === null ? [] : [`${label} ${number.toFixed(2)}`];
  };
  return [
    `step ${step}/${totalSteps}`,
    sparkline(accuracies, sparklineSteps),
    ...value('accuracy', 'accuracy'),
    ...value('reward', 'reward'),
    ...value('calls', 'tools/call_rate'),
    ...value('divergence', 'penalty/divergence'),
    ...value('AUC', 'signal/window_auc'),
    ...(remainingMs === null || step === totalSteps ? [] : [`${duration(remainingMs)} left`]),
  ].join('  ');
}
