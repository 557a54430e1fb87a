import { splitSeed } from '@iapo/rl-core';
import type { SmallChartTask } from '../../src/index.js';
import { TextRandom } from '../../src/small-charts/random.js';
import { fitsPicture, labelsArgumentOf } from '../../src/small-charts/tools.js';
import { type Episode, playEpisodes } from '../episodes/play-episodes.js';
import type { Sampler } from '../sampling/sampler.js';
import { callText } from '../text/chat-template.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { type Share, wilson } from './wilson.js';

/** How the first turn comes about. */
const settings = {
  greedy: { temperature: 0, call: 'own' },
  sampled: { temperature: 1, call: 'own' },
  'right-edit': { temperature: 0, call: 'right' },
  'wrong-edit': { temperature: 0, call: 'wrong' },
  'right-edit-sampled': { temperature: 1, call: 'right' },
  'wrong-edit-sampled': { temperature: 1, call: 'wrong' },
  'without-tools': { temperature: 0, call: 'none' },
  'without-tools-sampled': { temperature: 1, call: 'none' },
} as const;

export type EvaluationSetting = keyof typeof settings;

// The keys of a constant object; Object.keys forgets them.
export const evaluationSettings: readonly EvaluationSetting[] = Object.keys(
  settings,
) as EvaluationSetting[];

/** Figures of one group of tasks. */
export interface Figures {
  /** The call names exactly what is asked, and runs. */
  readonly rightCall: Share;
  /** The call runs. */
  readonly toolSuccess: Share;
  /** The answer is right. */
  readonly accuracy: Share;
}

/** Figures by group: `all`, and parts of it. */
export type EvaluationReport = Readonly<Record<string, Figures>>;

const groups: Readonly<Record<string, (task: SmallChartTask) => boolean>> = {
  all: () => true,
  bars: ({ content }) => content.kind === 'bars',
  table: ({ content }) => content.kind === 'table',
  'by label': ({ query }) => query.references.every(({ by }) => by === 'label'),
  'by color': ({ query }) => query.references.every(({ by }) => by === 'color'),
  'by both': ({ query }) => new Set(query.references.map(({ by }) => by)).size > 1,
  'one value': ({ query }) => query.references.length === 1,
  'two values': ({ query }) => query.references.length === 2,
};

/** Plays all tasks in one setting, some at a time. */
export async function evaluate(
  parts: { readonly sampler: Sampler; readonly tokenizer: Tokenizer },
  tasks: readonly SmallChartTask[],
  {
    setting,
    seed,
    batchSize = 100,
  }: {
    readonly setting: EvaluationSetting;
    readonly seed: number;
    readonly batchSize?: number;
  },
): Promise<EvaluationReport> {
  const { temperature, call } = settings[setting];
  const episodes: Episode[] = [];
  for (let from = 0; from < tasks.length; from += batchSize) {
    const batch = tasks.slice(from, from + batchSize);
    const forced =
      call === 'own'
        ? {}
        : { forcedCalls: call === 'none' ? null : batch.map((task) => makeCall(task, call)) };
    const seeds = batch.map((_, index) => splitSeed(seed, 'evaluate', from + index));
    episodes.push(...(await playEpisodes(parts, batch, { temperature, seeds, ...forced })));
  }
  return Object.fromEntries(
    Object.entries(groups).map(([name, belongs]) => [
      name,
      figuresOf(episodes.filter(({ task }) => belongs(task))),
    ]),
  );
}

function figuresOf(episodes: readonly Episode[]): Figures {
  const share = (isRight: (episode: Episode) => boolean): Share =>
    wilson(episodes.filter(isRight).length, episodes.length);
  return {
    rightCall: share(({ call }) => call.isRight),
    toolSuccess: share(({ call }) => call.willRun),
    accuracy: share(({ score }) => score === 1),
  };
}

/** A call of an offered tool that fits, with the right labels or as many others, none of them right. */
function makeCall(task: SmallChartTask, kind: 'right' | 'wrong'): string {
  const random = new TextRandom(`evaluate/${kind}/${task.id}`);
  const name = random.pick(task.toolNames.filter((tool) => fitsPicture(tool, task.content.kind)));
  const others = task.content.items
    .map(({ label }) => label)
    .filter((label) => !task.rightLabels.includes(label));
  const labels =
    kind === 'right' ? task.rightLabels : random.sample(others, task.rightLabels.length);
  return callText(name, labelsArgumentOf(name), labels);
}
