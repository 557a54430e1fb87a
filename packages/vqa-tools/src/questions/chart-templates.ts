import type { ChartDatum } from '../render/chart-spec.js';

/** A question about one series of a chart, with its exact answer. */
export interface ChartQuestion {
  readonly question: string;
  readonly answer: string;
}

/** Picks items by the seed of the question. */
export type Choose = <Item>(items: readonly Item[]) => Item;

/** Makes a question from the data of one series, or null where it has no single answer. */
export type ChartTemplate = (data: readonly ChartDatum[], choose: Choose) => ChartQuestion | null;

/** The value of one label. */
const value: ChartTemplate = (data, choose) => {
  const { label, series, value: amount } = choose(data);
  return { question: `What is the ${series} of ${label}?`, answer: decimalText(amount) };
};

/** The difference of two labels, without sign. */
const difference: ChartTemplate = (data, choose) => {
  if (data.length < 2) return null;
  const first = choose(data);
  const second = choose(data.filter(({ label }) => label !== first.label));
  const places = Math.max(decimalPlaces(first.value), decimalPlaces(second.value));
  const amount = Math.abs(first.value - second.value).toFixed(places);
  return {
    question: `What is the difference in ${first.series} between ${first.label} and ${second.label}?`,
    answer: decimalText(Number(amount)),
  };
};

/** The label with the largest value, where it is the only one. */
const maximum: ChartTemplate = (data) => {
  const largest = Math.max(...data.map((datum) => datum.value));
  const winners = data.filter((datum) => datum.value === largest);
  const [winner] = winners;
  if (winner === undefined || winners.length > 1) return null;
  return { question: `Which has the highest ${winner.series}?`, answer: winner.label };
};

/** How many labels lie above a value that none of them has. */
const countAbove: ChartTemplate = (data, choose) => {
  const sorted = [...new Set(data.map((datum) => datum.value))].sort((a, b) => a - b);
  if (sorted.length < 2) return null;
  const index = choose(sorted.slice(0, -1).map((_, i) => i));
  const [below = 0, above = 0] = [sorted[index], sorted[index + 1]];
  // Rounded to few digits where that stays strictly between the two values.
  const middle = (below + above) / 2;
  const rounded = [1, 2, 3, 4, 5, 6]
    .map((digits) => Number(middle.toPrecision(digits)))
    .find((threshold) => threshold > below && threshold < above);
  if (rounded === undefined) return null;
  const count = data.filter((datum) => datum.value > rounded).length;
  return {
    question: `How many have a ${data[0]?.series ?? ''} above ${decimalText(rounded)}?`,
    answer: String(count),
  };
};

/** The name of a question template. */
export type ChartTemplateName = 'value' | 'difference' | 'maximum' | 'count-above';

/** The templates by name. Adding one: a function above and a line here. */
export const chartTemplates: Readonly<Record<ChartTemplateName, ChartTemplate>> = {
  value,
  difference,
  maximum,
  'count-above': countAbove,
};

/** A number in full, never with an exponent. */
function decimalText(amount: number): string {
  return amount.toLocaleString('en-US', { useGrouping: false, maximumFractionDigits: 20 });
}

function decimalPlaces(amount: number): number {
  return /\.(\d+)$/.exec(decimalText(amount))?.[1]?.length ?? 0;
}
