import { toolDefinitions } from '@iapo/vqa-tools';
import { SmallCharts, type SmallChartTask, smallChartTools } from '../../src/index.js';
import { TextRandom } from '../../src/small-charts/random.js';
import { fitsPicture, labelsArgumentOf } from '../../src/small-charts/tools.js';
import { systemPrompts } from '../../src/small-charts/wording.js';
import { callText } from '../text/chat-template.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { encodeExample, imageText, type TrainingExample } from './example.js';
import { runCall } from './observation.js';
import { drawQuestions } from './picture-questions.js';

/** What a batch is made of; shares are between 0 and 1. */
export interface Mixture {
  /** Questions about a picture without tools; the rest are episodes. */
  readonly questions: number;
  /** Of the questions' pictures, those that are also read out as a whole. */
  readonly readsAll: number;
  /** Of the episodes, those whose call is right; the others call a random offered tool with random labels. */
  readonly rightCalls: number;
  /** Of the episodes, those without tools, whose answer is a guess. */
  readonly withoutTools: number;
}

/** Questions about one picture: one reads each picture for several of them. */
const questionsPerPicture = 8;

/** Makes training examples: number `index` of a seed is always the same. */
export class Demonstrations {
  readonly #tokenizer: Tokenizer;
  readonly #tasks: SmallCharts;
  readonly #seed: string;

  constructor(tokenizer: Tokenizer, seed: string) {
    this.#tokenizer = tokenizer;
    this.#seed = seed;
    this.#tasks = new SmallCharts({ split: 'train', seed });
  }

  async example(index: number, mixture: Mixture): Promise<TrainingExample> {
    const random = new TextRandom(`demonstrations/${this.#seed}/${index}`);
    const task = this.#tasks.task(index);
    if (random.uniform() < mixture.questions) return this.#questions(task, random, mixture);
    if (random.uniform() < mixture.withoutTools) return this.#guess(task, random);
    return await this.#episode(task, random, mixture);
  }

  #questions(task: SmallChartTask, random: TextRandom, mixture: Mixture): TrainingExample {
    const readsAll = random.uniform() < mixture.readsAll;
    const questions = drawQuestions(random, task.content, { count: questionsPerPicture, readsAll });
    return encodeExample(this.#tokenizer, [
      { role: 'system', text: random.pick(systemPrompts) },
      ...questions.flatMap(({ question, answer }, index) => [
        {
          role: 'user' as const,
          text: index === 0 ? imageText + question : question,
          images: index === 0 ? [task.image] : [],
        },
        { role: 'assistant' as const, text: answer, isLearned: true },
      ]),
    ]);
  }

  /** Without a tool to focus the picture, the answer is the values of random items. */
  #guess(task: SmallChartTask, random: TextRandom): TrainingExample {
    return encodeExample(this.#tokenizer, [
      { role: 'system', text: task.systemPrompt },
      { role: 'user', text: imageText + task.request, images: [task.image] },
      { role: 'assistant', text: guessedAnswer(task, random), isLearned: true },
    ]);
  }

  async #episode(
    task: SmallChartTask,
    random: TextRandom,
    { rightCalls }: Mixture,
  ): Promise<TrainingExample> {
    const isRight = random.uniform() < rightCalls;
    const fitting = task.toolNames.filter((name) => fitsPicture(name, task.content.kind));
    const name = random.pick(isRight ? fitting : task.toolNames);
    const labels = isRight ? task.rightLabels : randomLabels(task, random);
    const argument = labelsArgumentOf(name);
    const observation = await runCall(task, name, { [argument]: labels });
    const { image, text } = observation;
    // The answer reads what the edited picture shows, be it what was asked for or not.
    const answer = image === null ? guessedAnswer(task, random) : shownAnswer(task, labels);
    return encodeExample(
      this.#tokenizer,
      [
        { role: 'system', text: task.systemPrompt },
        { role: 'user', text: imageText + task.request, images: [task.image] },
        { role: 'assistant', text: callText(name, argument, labels), isLearned: true },
        {
          role: 'user',
          text: image === null ? text : imageText + text,
          images: image === null ? [] : [image],
        },
        { role: 'assistant', text: answer, isLearned: true },
      ],
      toolDefinitions(smallChartTools, task.toolNames),
    );
  }
}

/** As many labels of the picture as are asked about. */
function randomLabels({ content, rightLabels }: SmallChartTask, random: TextRandom): string[] {
  const labels = content.items.map(({ label }) => label);
  return random.sample(labels, rightLabels.length);
}

function guessedAnswer(task: SmallChartTask, random: TextRandom): string {
  return shownAnswer(task, randomLabels(task, random));
}

/** The values of these items in the order of the picture. */
function shownAnswer({ content }: SmallChartTask, labels: readonly string[]): string {
  const shown = content.items.filter(({ label }) => labels.includes(label));
  return shown.map(({ value }) => value).join(', ');
}
