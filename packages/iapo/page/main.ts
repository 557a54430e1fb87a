import 'uplot/dist/uPlot.min.css';
import './style.css';
import type { PageData, PageRun } from '../src/report/page-data';
import { blocksView } from './blocks-view';
import { comparisonView } from './comparison-view';
import { curvesView } from './curves-view';
import { element, section, table } from './dom';
import { trajectoriesView } from './trajectories-view';

function overview(run: PageRun): HTMLElement {
  return element('header', {}, [
    element('h1', { text: `${run.label} · ${run.name}` }),
    element(
      'dl',
      {},
      run.facts.flatMap(([name, value]) => [
        element('dt', { text: name }),
        element('dd', { text: value }),
      ]),
    ),
    ...run.warnings.map(({ message, firstStep, count }) =>
      element('p', { class: 'warning' }, [
        document.createTextNode(message),
        element('span', {
          class: 'note',
          text: ` First in step ${firstStep}, ${count} steps in all.`,
        }),
      ]),
    ),
  ]);
}

function configView(run: PageRun): HTMLElement {
  const time = run.phases.map(([phase, share]) => [phase, `${(100 * share).toFixed(1)} %`]);
  return section('config', 'Configuration and time', [
    element('details', {}, [
      element('summary', { text: `${run.config.length} settings` }),
      table('Settings', ['setting', 'value'], run.config),
    ]),
    ...(time.length === 0
      ? []
      : [
          element('details', {}, [
            element('summary', { text: 'Time by phase' }),
            table('Share of time', ['phase', 'share'], time),
          ]),
        ]),
  ]);
}

function render(): void {
  const holder = document.getElementById('report');
  const text = document.getElementById('data')?.textContent ?? 'null';
  // Written by this package into this very page.
  const data = JSON.parse(text) as PageData;
  const [run] = data.runs;
  if (holder === null || run === undefined) return;
  const views = [
    curvesView(run),
    blocksView(run),
    trajectoriesView(data),
    comparisonView(data.runs, data.comparison),
    configView(run),
  ].filter((view) => view !== null);
  const links = views.map((view) =>
    element('a', {
      text: view.querySelector('h2')?.textContent ?? '',
      attributes: { href: `#${view.id}` },
    }),
  );
  holder.append(
    overview(run),
    element('nav', { attributes: { 'aria-label': 'Sections' } }, links),
    ...views,
  );
}

render();
