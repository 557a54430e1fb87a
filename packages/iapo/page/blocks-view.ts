import type { PageRun } from '../src/report/page-data';
import { drawing, element, section, table } from './dom';
import { blockClass, blockLabel } from './theme';

const size = { width: 480, height: 140 };
/** More columns than this cannot be told apart. */
const mostColumns = 120;

/** Block distribution of student and teacher, at the start, now, and over time. */
export function blocksView(run: PageRun): HTMLElement | null {
  const { student, teacher } = run.blocks;
  const names = Object.keys(student);
  if (names.length === 0) return null;
  const legend = element(
    'ul',
    { class: 'legend' },
    names.map((name) =>
      element('li', {}, [
        element('span', { class: `key ${blockClass(name)}` }),
        document.createTextNode(blockLabel(name)),
      ]),
    ),
  );
  const percent = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : `${(100 * value).toFixed(1)} %`;
  const known = (values: readonly (number | null)[] = []): number[] =>
    values.filter((value) => value !== null);
  return section('blocks', 'What drives the calls', [
    element('p', {
      class: 'note',
      text: 'Mean share of each part of the prompt in the attribution of the tool calls, student and teacher on the same calls.',
    }),
    legend,
    element('div', { class: 'grid' }, [
      stackedBars('Student over steps', run.steps, student),
      stackedBars('Teacher over steps', run.steps, teacher),
    ]),
    table(
      'Share of each block',
      ['block', 'student, first', 'student, last', 'teacher, first', 'teacher, last'],
      names.map((name) => {
        const [of, beside] = [known(student[name]), known(teacher[name])];
        return [
          blockLabel(name),
          percent(of[0]),
          percent(of.at(-1)),
          percent(beside[0]),
          percent(beside.at(-1)),
        ];
      }),
    ),
  ]);
}

function stackedBars(
  title: string,
  steps: readonly number[],
  shares: Readonly<Record<string, readonly (number | null)[]>>,
): HTMLElement {
  const every = Math.max(1, Math.ceil(steps.length / mostColumns));
  const columns = steps.map((_, index) => index).filter((index) => index % every === 0);
  const width = size.width / Math.max(1, columns.length);
  const bars = columns.flatMap((index, column) => {
    let reached = 0;
    return Object.entries(shares).flatMap(([name, values]) => {
      const share = values[index] ?? null;
      if (share === null || share <= 0) return [];
      const y = reached * size.height;
      reached += share;
      const text = `step ${steps[index]}, ${name}: ${(100 * share).toFixed(1)} %`;
      return [
        drawing(
          'rect',
          {
            class: blockClass(name),
            attributes: {
              x: String(column * width),
              y: String(y),
              // A hair wider, so that no gap shows between columns.
              width: String(width + 0.3),
              height: String(share * size.height),
            },
          },
          [drawing('title', { text })],
        ),
      ];
    });
  });
  const frame = drawing(
    'svg',
    {
      attributes: {
        viewBox: `0 0 ${size.width} ${size.height}`,
        role: 'img',
        'aria-label': `${title}; the table below has the first and last values`,
        preserveAspectRatio: 'none',
      },
    },
    bars,
  );
  const ends = element('div', { class: 'ends' }, [
    element('span', { text: `step ${steps[0] ?? 0}` }),
    element('span', { text: `step ${steps.at(-1) ?? 0}` }),
  ]);
  return element('figure', { class: 'stack' }, [
    element('figcaption', { text: title }),
    frame,
    ends,
  ]);
}
