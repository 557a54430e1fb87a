import type { EvaluationReport } from './evaluate.js';
import type { Share } from './wilson.js';

/** A report as a Markdown table: shares in percent with their 95 % intervals. */
export function figuresTable(report: EvaluationReport): string {
  const lines = Object.entries(report).map(
    ([group, { rightCall, toolSuccess, accuracy }]) =>
      `| ${group} | ${rightCall.count} | ${[rightCall, toolSuccess, accuracy].map(showShare).join(' | ')} |`,
  );
  return [
    '| tasks | count | right calls | calls that run | right answers |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

/** "93.5 (92.3–94.5)", or "–" where nothing was counted. */
export function showShare({ share, low, high }: Share): string {
  if (share === null || low === null || high === null) return '–';
  const percent = (value: number): string => (100 * value).toFixed(1);
  return `${percent(share)} (${percent(low)}–${percent(high)})`;
}
