import { CHART_KINDS, type ChartKind } from '../render/chart-spec.js';
import { randomChartStyle } from '../render/chart-style.js';
import { renderChart } from '../render/render-chart.js';
import { styleChoices } from '../render/style-choices.js';
import { chartTemplates } from './chart-templates.js';
import { type RenderedQuestion, seedFor } from './question.js';
import { loadTables, type SourceTable } from './tables.js';

/** Which questions to make. */
export interface QuestionOptions {
  /** Default `train`. */
  readonly split?: 'train' | 'validation';
  /** Styles, chart kinds and the choices of the templates follow from it. Default 0. */
  readonly seed?: number;
  /** Most questions. Default: all. */
  readonly limit?: number;
}

/** Labels longer than this crowd a chart out of its own picture. */
const MAX_LABEL = 30;

/**
 * Template questions over charts of real tables (WikiTableQuestions' and TabFact's): value,
 * difference, maximum, count above, one of each for a chart where it has a single answer.
 * The same options give the same questions and pixels.
 */
export async function* chartQuestions({
  split = 'train',
  seed = 0,
  limit = Number.POSITIVE_INFINITY,
}: QuestionOptions = {}): AsyncGenerator<RenderedQuestion> {
  let given = 0;
  for (const dataset of ['wikitablequestions', 'tabfact'] as const) {
    for (const table of await loadTables(dataset)) {
      if (table.split !== split) continue;
      for await (const question of questionsOf(table, seed)) {
        if (given++ >= limit) return;
        yield question;
      }
    }
  }
}

async function* questionsOf(table: SourceTable, seed: number): AsyncGenerator<RenderedQuestion> {
  const { labelColumn } = table;
  if (labelColumn === null || !isDrawable(table, labelColumn)) return;
  const itemSeed = seedFor(seed, 'chart', table.id);
  const choose = styleChoices(itemSeed);
  const kind = choose(kindsFor(table));
  const isGrouped = kind.endsWith('_grouped') || kind === 'line';
  const count = isGrouped ? Math.min(2, table.barColumns.length) : 1;
  const style = randomChartStyle(itemSeed);
  const chart = await renderChart(table, {
    kind,
    labelColumn,
    valueColumns: table.barColumns.slice(0, count),
    values: table.barValues.slice(0, count),
    // A slice without its number could only be guessed.
    style: kind === 'pie' ? { ...style, showValues: true } : style,
    ...(table.title === 'none' && { title: '' }),
  });
  const series = choose([...new Set(chart.data.map((datum) => datum.series))]);
  const data = chart.data.filter((datum) => datum.series === series);
  for (const [name, template] of Object.entries(chartTemplates)) {
    const made = template(data, choose);
    if (made === null) continue;
    yield {
      id: `${table.id}-${kind}-${name}`,
      tableId: table.id,
      kind: 'chart',
      question: made.question,
      answers: [made.answer],
      scorer: 'chartqa',
      split: table.split,
      image: chart.image,
      metadata: chart.metadata,
    };
  }
}

function isDrawable(table: SourceTable, labelColumn: number): boolean {
  const labels = table.rows.map((row) => row[labelColumn] ?? '');
  return (
    table.barColumns.length > 0 &&
    labels.every((label) => label.trim() !== '' && label.length <= MAX_LABEL) &&
    new Set(labels.map((label) => label.replace(/\s+/g, ' '))).size === labels.length
  );
}

function kindsFor(table: SourceTable): ChartKind[] {
  return CHART_KINDS.filter((kind) => {
    if (kind.endsWith('_grouped')) return table.barColumns.length > 1 && table.rows.length <= 8;
    if (kind === 'pie')
      return table.rows.length <= 6 && (table.barValues[0] ?? []).every((v) => v > 0);
    return true;
  });
}
