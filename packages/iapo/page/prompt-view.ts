import type { PageExplanation } from '../src/report/page-data';
import { element, show } from './dom';
import { blockClass, blockLabel } from './theme';

/** The strongest shade, in percent: the text on it keeps a contrast of 4.5 in both themes. */
const strongest = 45;

/** The prompt with each token shaded by its score and colored by its block; negative scores are underlined with dots. */
export function promptView({ pieces, model }: PageExplanation): HTMLElement {
  const largest = Math.max(0, ...pieces.map(({ score }) => Math.abs(score ?? 0)));
  const spans = pieces.map(({ text, block, score, tokens }) => {
    const isPicture = text === '' && block === 'I';
    const node = element('span', {
      class: `t ${blockClass(block)}${(score ?? 0) < 0 ? ' negative' : ''}${isPicture ? ' picture' : ''}`,
      text: isPicture ? `picture, ${tokens} tokens` : text,
      attributes: {
        title: `${block === null ? 'no block' : blockLabel(block)}: ${show(score)} nats`,
      },
    });
    const share = largest === 0 ? 0 : Math.abs(score ?? 0) / largest;
    node.style.setProperty('--shade', `${Math.round(strongest * share)}%`);
    return node;
  });
  return element(
    'div',
    {
      class: 'prompt',
      attributes: { tabindex: '0', role: 'region', 'aria-label': `Prompt, shaded by ${model}` },
    },
    spans,
  );
}

/** Shares of the blocks as bars, student above teacher. */
export function shareBars(student: PageExplanation, teacher: PageExplanation | null): HTMLElement {
  const rows = student.blocks.map(({ name, share }) => {
    const other = teacher?.blocks.find((block) => block.name === name)?.share ?? null;
    const bar = (who: string, value: number | null): HTMLElement => {
      const fill = element('span', { class: `fill ${who}` });
      fill.style.setProperty('width', `${100 * (value ?? 0)}%`);
      return element('span', { class: 'bar', attributes: { title: `${who}: ${show(value)}` } }, [
        fill,
      ]);
    };
    const percent = (value: number | null): string =>
      value === null ? '–' : `${(100 * value).toFixed(0)} %`;
    return element('div', { class: `share ${blockClass(name)}` }, [
      element('span', { class: 'name', text: blockLabel(name) }),
      element('span', { class: 'bars' }, [
        bar('student', share),
        ...(teacher === null ? [] : [bar('teacher', other)]),
      ]),
      element('span', {
        class: 'value',
        text: teacher === null ? percent(share) : `${percent(share)} / ${percent(other)}`,
      }),
    ]);
  });
  return element('div', { class: 'shares' }, [
    element('p', {
      class: 'note',
      text:
        teacher === null
          ? 'Share of each block: student'
          : 'Share of each block: student (above) / teacher (below)',
    }),
    ...rows,
  ]);
}
