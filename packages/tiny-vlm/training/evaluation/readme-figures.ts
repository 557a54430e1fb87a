import type { EvaluationReport } from './evaluate.js';
import { showShare } from './figures-table.js';

/** `models/evaluation.json`: by `model/split`, then by setting. */
export type Evaluations = Readonly<Record<string, Readonly<Record<string, EvaluationReport>>>>;

const begin = '<!-- figures: written by `npm run evaluate`, do not edit -->';
const end = '<!-- end of figures -->';

/** The README's figures: one table of all tasks, and for each model one of the parts. */
function figuresText(evaluations: Evaluations): string {
  const parts = Object.entries(evaluations).map(([name, settings]) => {
    const count = Object.values(settings)[0]?.['all']?.accuracy.count ?? 0;
    return `**${name}**, ${count} tasks\n\n${overview(settings)}\n\nIn parts (own calls, sampled):\n\n${inParts(settings['sampled'] ?? {})}`;
  });
  return [begin, ...parts, end].join('\n\n');
}

/** Puts the figures between their marks. */
export function withFigures(readme: string, evaluations: Evaluations): string {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from < 0 || to < from) throw new Error('The README has no marks for the figures.');
  return readme.slice(0, from) + figuresText(evaluations) + readme.slice(to + end.length);
}

/** Settings down, figures across. */
function overview(settings: Readonly<Record<string, EvaluationReport>>): string {
  const names: Readonly<Record<string, string>> = {
    greedy: 'own calls, greedy',
    sampled: 'own calls, sampled',
    'right-edit': 'after a right edit, greedy',
    'right-edit-sampled': 'after a right edit, sampled',
    'wrong-edit': 'after a wrong edit, greedy',
    'wrong-edit-sampled': 'after a wrong edit, sampled',
    'without-tools': 'without tools, greedy',
    'without-tools-sampled': 'without tools, sampled',
  };
  const rows = Object.entries(names).flatMap(([setting, title]) => {
    const all = settings[setting]?.['all'];
    if (all === undefined) return [];
    const isOwn = title.startsWith('own');
    const calls = isOwn ? [showShare(all.rightCall), showShare(all.toolSuccess)] : ['–', '–'];
    return [`| ${title} | ${[...calls, showShare(all.accuracy)].join(' | ')} |`];
  });
  return [
    '| | right calls % | calls that run % | right answers % |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function inParts(report: EvaluationReport): string {
  const rows = Object.entries(report).flatMap(([group, { rightCall, toolSuccess, accuracy }]) =>
    group === 'all'
      ? []
      : [
          `| ${group} (${accuracy.count}) | ${[rightCall, toolSuccess, accuracy].map(showShare).join(' | ')} |`,
        ],
  );
  return [
    '| part | right calls % | calls that run % | right answers % |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
