import uPlot from 'uplot';
import { element } from './dom';
import { color, onThemeChange } from './theme';

/** One curve; `low` and `high` draw a band around it. */
export interface Curve {
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
}

const height = 220;
/** All charts of the page move their cursors together. */
const together = uPlot.sync('steps');

/**
 * A chart over steps that can be zoomed: by dragging (a double click shows all), or with the keyboard when it has
 * the focus.
 */
export function chart(
  title: string,
  steps: readonly number[],
  curves: readonly Curve[],
  range?: readonly [number, number],
): HTMLElement {
  const holder = element('div', {
    class: 'chart',
    attributes: {
      tabindex: '0',
      role: 'group',
      'aria-label': `${title}, over steps. Left and right move the cursor, plus and minus zoom, 0 shows all.`,
    },
  });
  const figure = element('figure', {}, [element('figcaption', { text: title }), holder]);
  let plot: uPlot | null = null;
  const draw = (): void => {
    const width = holder.clientWidth;
    if (width === 0) return;
    plot?.destroy();
    plot = new uPlot(options(curves, width, range), data(steps, curves), holder);
  };
  new ResizeObserver(() => {
    if (plot === null) draw();
    else if (holder.clientWidth !== plot.width) plot.setSize({ width: holder.clientWidth, height });
  }).observe(holder);
  onThemeChange(draw);
  holder.addEventListener('keydown', (event) => {
    if (plot !== null && steer(plot, steps, event.key)) event.preventDefault();
  });
  return figure;
}

function data(steps: readonly number[], curves: readonly Curve[]): uPlot.AlignedData {
  return [
    [...steps],
    ...curves.flatMap(({ values, low, high }) =>
      low === undefined || high === undefined ? [[...values]] : [[...values], [...low], [...high]],
    ),
  ];
}

function options(
  curves: readonly Curve[],
  width: number,
  range: readonly [number, number] | undefined,
): uPlot.Options {
  const series: uPlot.Series[] = [{ label: 'step' }];
  const bands: uPlot.Band[] = [];
  const value = (_: uPlot, number: number | null): string =>
    number === null ? '–' : String(Number(number.toPrecision(4)));
  for (const [index, { label, low }] of curves.entries()) {
    const stroke = color(`c${index % 8}`);
    series.push({
      label,
      stroke,
      value,
      width: 2,
      spanGaps: false,
      dash: index >= 8 ? [6, 4] : [],
      points: { size: 5 },
    });
    if (low === undefined) continue;
    const at = series.length;
    series.push({ label: `${label}, low`, stroke: 'transparent', value, points: { show: false } });
    series.push({ label: `${label}, high`, stroke: 'transparent', value, points: { show: false } });
    bands.push({ series: [at + 1, at], fill: `${stroke}33` });
  }
  const axis = {
    stroke: color('faint'),
    grid: { stroke: color('line'), width: 1 },
    ticks: { stroke: color('line') },
  };
  return {
    width,
    height,
    series,
    bands,
    scales: { x: { time: false }, y: { range: range === undefined ? fitted : [...range] } },
    axes: [
      { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000] },
      { ...axis, size: 60 },
    ],
    cursor: { sync: { key: together.key }, drag: { x: true, y: false } },
    legend: { live: true },
  };
}

/** What the values span, with some air; a flat curve keeps its own magnitude. */
function fitted(_: uPlot, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const air = high > low ? 0.08 * (high - low) : 0.1 * Math.max(Math.abs(high), 1);
  return [low - air, high + air];
}

/** @returns Whether the key meant something. */
function steer(plot: uPlot, steps: readonly number[], key: string): boolean {
  const { min = 0, max = 0 } = plot.scales.x ?? {};
  const [low, high] = [min ?? 0, max ?? 0];
  if (key === 'ArrowLeft' || key === 'ArrowRight') {
    const last = steps.length - 1;
    const now = plot.cursor.idx ?? (key === 'ArrowRight' ? -1 : last + 1);
    const next = Math.min(last, Math.max(0, now + (key === 'ArrowRight' ? 1 : -1)));
    plot.setCursor({ left: plot.valToPos(steps[next] ?? 0, 'x'), top: height / 3 });
    return true;
  }
  if (key === '+' || key === '-' || key === '=') {
    const factor = key === '-' ? 2 : 0.5;
    const cursor = plot.cursor.idx;
    const center =
      cursor === null || cursor === undefined ? (low + high) / 2 : (steps[cursor] ?? 0);
    const [first, last] = [steps[0] ?? 0, steps.at(-1) ?? 0];
    plot.setScale('x', {
      min: Math.max(first, center - (center - low) * factor),
      max: Math.min(last, center + (high - center) * factor),
    });
    return true;
  }
  if (key === '0') {
    plot.setScale('x', { min: steps[0] ?? 0, max: steps.at(-1) ?? 0 });
    return true;
  }
  return false;
}
