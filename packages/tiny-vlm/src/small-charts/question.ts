import type { ChartContent, ChartItem } from './picture.js';
import type { TextRandom } from './random.js';

/** How a request names an item: by its letter, or by the color of its tag. */
export interface Reference {
  readonly by: 'label' | 'color';
  readonly label: string;
  readonly color: string;
}

/** What is asked: the values of one or two items, or their sum or difference. */
export interface ChartQuestion {
  readonly operation: 'values' | 'sum' | 'difference';
  /** One or two, in the order of the request; different items. */
  readonly references: readonly Reference[];
}

/** Ways to ask; `{what}` is filled in. The same for one and two values. */
const requestWordings: readonly string[] = [
  '{what}?',
  'What is the {what}?',
  'Give the {what}.',
  'Tell me the {what}.',
];

const operationNames = {
  values: ['value of', 'values of'],
  sum: ['sum of', 'sum of'],
  difference: ['difference of', 'difference of'],
} as const;

export function drawQuestion(
  random: TextRandom,
  content: ChartContent,
  operation: ChartQuestion['operation'],
): ChartQuestion {
  const count = operation === 'values' ? 1 + random.integer(2) : 2;
  const references = random
    .sample(content.items, count)
    .map(({ label, color }): Reference => ({ by: random.pick(['label', 'color']), label, color }));
  return { operation, references };
}

/** The request in words: "What is the value of the red one?", "values of B and the red one?". */
export function wordRequest(random: TextRandom, question: ChartQuestion): string {
  const named = question.references.map(({ by, label, color }) =>
    by === 'label' ? label : `the ${color} one`,
  );
  const noun = operationNames[question.operation][named.length > 1 ? 1 : 0];
  const wording = random.pick(requestWordings).replace('{what}', `${noun} ${named.join(' and ')}`);
  return named.length > 1 && question.operation === 'values'
    ? wording.replace(' is ', ' are ')
    : wording;
}

/** The numbers of the right answer. */
export function answerOf(
  { items }: ChartContent,
  { operation, references }: ChartQuestion,
): number[] {
  const values = references.map(({ label }) => requireValue(items, label));
  const [first = 0, second = 0] = values;
  if (operation === 'sum') return [first + second];
  if (operation === 'difference') return [Math.abs(first - second)];
  return values;
}

function requireValue(items: readonly ChartItem[], label: string): number {
  const item = items.find((candidate) => candidate.label === label);
  if (item === undefined) throw new Error(`internal: no item is labeled "${label}".`);
  return item.value;
}
