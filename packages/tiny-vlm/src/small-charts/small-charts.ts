import type { EpisodeMessage } from '@iapo/vqa-tools';
import { TinyVlmError } from '../errors.js';
import { colorNames } from './colors.js';
import { letters } from './glyphs.js';
import { type ChartContent, drawPicture } from './picture.js';
import { answerOf, type ChartQuestion, drawQuestion, wordRequest } from './question.js';
import { hashText, TextRandom } from './random.js';
import type { SmallChartTask } from './task.js';
import { chartToolNames, fitsPicture } from './tools.js';
import { systemPrompts } from './wording.js';

/** Sets of tasks. Those behind `test` are harder, for generalization; nothing is trained on them. */
export type SmallChartSplit =
  | 'train'
  | 'validation'
  | 'test'
  | 'more-items'
  | 'unseen-pairs'
  | 'arithmetic';

export interface SmallChartsOptions {
  /** Default `train`. */
  readonly split?: SmallChartSplit;
  /** Any text or number; each gives another set. Default 0. */
  readonly seed?: string | number;
}

/** What is special about a split. */
interface SplitRules {
  readonly items: number;
  /** Pairs of color and letter that the main splits leave out: none of them, or at least one that is asked about. */
  readonly heldOutPairs: 'none' | 'asked';
  readonly operations: readonly ChartQuestion['operation'][];
  /** Shares of all (picture, question) pairs, in tenths: from, up to but not including. */
  readonly tenths: readonly [from: number, to: number];
}

const main = { items: 4, heldOutPairs: 'none', operations: ['values'] } as const;

const splitRules: Readonly<Record<SmallChartSplit, SplitRules>> = {
  train: { ...main, tenths: [2, 10] },
  validation: { ...main, tenths: [1, 2] },
  test: { ...main, tenths: [0, 1] },
  'more-items': { ...main, items: 6, tenths: [0, 10] },
  'unseen-pairs': { ...main, heldOutPairs: 'asked', tenths: [0, 10] },
  arithmetic: { ...main, operations: ['sum', 'difference'], tenths: [0, 10] },
};

/**
 * Questions about small pictures, made as they are asked for: task `index` of a split and seed is always the
 * same. A bar chart or a table of four items with a colored tag, a letter and a two-digit value; the question
 * names one or two items by letter or color; three of six tools are offered.
 *
 * The values of one picture differ from each other, so that the answer of a wrong call is wrong. A hash of
 * picture and question decides to which of train, validation and test they belong, whatever the seed: none is
 * in two of them.
 *
 * @example
 * const task = new SmallCharts({ split: 'validation' }).task(0);
 * task.request; // => "What is the value of the pink one?"
 */
export class SmallCharts {
  /** Part of every task's seed: another version is another set. */
  static readonly version = 1;
  readonly split: SmallChartSplit;
  readonly seed: string;

  constructor({ split = 'train', seed = 0 }: SmallChartsOptions = {}) {
    if (!Object.hasOwn(splitRules, split)) {
      throw new TinyVlmError(
        'invalid-argument',
        `There is no split ${JSON.stringify(split)}. Known: ${Object.keys(splitRules).join(', ')}.`,
      );
    }
    this.split = split;
    this.seed = String(seed);
  }

  /** @throws {TinyVlmError} `invalid-argument` unless `index` is a whole number from 0 on. */
  task(index: number): SmallChartTask {
    if (!Number.isSafeInteger(index) || index < 0) {
      throw new TinyVlmError(
        'invalid-argument',
        `\`index\` must be a whole number from 0 on, got ${index}.`,
      );
    }
    const id = `small-charts/v${SmallCharts.version}/${this.split}/${this.seed}/${index}`;
    const random = new TextRandom(id);
    const rules = splitRules[this.split];
    for (;;) {
      const content = drawContent(random, rules);
      const question = drawQuestion(random, content, random.pick(rules.operations));
      if (belongs(content, question, rules)) return makeTask(id, content, question, random);
    }
  }

  /** Tasks `start` up to but not including `start + count`. */
  tasks(count: number, start = 0): SmallChartTask[] {
    return Array.from({ length: count }, (_, index) => this.task(start + index));
  }
}

/** One of eight colors in turn for each letter: 12 of the 96 pairs. */
export function isHeldOutPair(label: string, color: string): boolean {
  return (letters.indexOf(label) + colorNames.indexOf(color)) % colorNames.length === 0;
}

function drawContent(random: TextRandom, { items, heldOutPairs }: SplitRules): ChartContent {
  for (;;) {
    const labels = random.sample(letters, items);
    const colors = random.sample(colorNames, items);
    const values = random.sample(twoDigitNumbers, items);
    const content: ChartContent = {
      kind: random.pick(['bars', 'table'] as const),
      items: labels.map((label, index) => ({
        label,
        color: colors[index] ?? '',
        value: values[index] ?? 0,
      })),
    };
    const hasHeldOut = content.items.some(({ label, color }) => isHeldOutPair(label, color));
    if (!hasHeldOut || heldOutPairs === 'asked') return content;
  }
}

const twoDigitNumbers: readonly number[] = Array.from({ length: 90 }, (_, index) => 10 + index);

/** Names a picture and a question, whatever the wording. */
export function identityOf({ kind, items }: ChartContent, question: ChartQuestion): string {
  const picture = items.map(({ label, color, value }) => `${label}.${color}.${value}`).join('/');
  // By label or by color, and in whatever order, it is the same question.
  const asked = question.references.map(({ label }) => label).sort();
  return `${kind}:${picture}?${question.operation}:${asked.join('+')}`;
}

function belongs(content: ChartContent, question: ChartQuestion, rules: SplitRules): boolean {
  const isAskedHeldOut = question.references.some(({ label, color }) =>
    isHeldOutPair(label, color),
  );
  if (rules.heldOutPairs === 'asked' && !isAskedHeldOut) return false;
  const tenth = hashText(`split:${identityOf(content, question)}`) % 10;
  return tenth >= rules.tenths[0] && tenth < rules.tenths[1];
}

function makeTask(
  id: string,
  content: ChartContent,
  question: ChartQuestion,
  random: TextRandom,
): SmallChartTask {
  const systemPrompt = random.pick(systemPrompts);
  let toolNames = random.sample(chartToolNames, 3);
  while (!toolNames.some((name) => fitsPicture(name, content.kind))) {
    toolNames = random.sample(chartToolNames, 3);
  }
  const request = wordRequest(random, question);
  const { image, metadata } = drawPicture(content);
  const messages: readonly EpisodeMessage[] = [
    { role: 'system', content: [{ type: 'text', text: systemPrompt }] },
    {
      role: 'user',
      content: [
        { type: 'image', image },
        { type: 'text', text: request },
      ],
    },
  ];
  const answer = answerOf(content, question);
  const rightLabels = question.references.map(({ label }) => label);
  return {
    id,
    content,
    query: question,
    image,
    metadata,
    systemPrompt,
    toolNames,
    request,
    messages,
    rightLabels,
    answer,
    answers: answer.map(String),
  };
}
