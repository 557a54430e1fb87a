import type { TopLevelSpec } from 'vega-lite';
import { VqaToolError } from '../errors.js';
import type { ChartStyle } from './chart-style.js';
import { drawableText, FONT_FAMILY } from './fonts.js';
import { cellNumber, type Table } from './table.js';

/** The kinds of chart; the names of the first two are those of ReFocus and VTool-R1. */
export const CHART_KINDS = [
  'v_bar',
  'h_bar',
  'v_bar_grouped',
  'h_bar_grouped',
  'line',
  'pie',
] as const;
export type ChartKind = (typeof CHART_KINDS)[number];

/** Which part of a table is drawn, and as what. */
export interface ChartSpecification {
  readonly kind: ChartKind;
  /** Column of the labels. Default 0. */
  readonly labelColumn?: number;
  /** Columns of the values; more than one needs a grouped or line chart. Default: the first numeric. */
  readonly valueColumns?: readonly number[];
  /** Numbers in place of those in the cells, one list a value column. */
  readonly values?: readonly (readonly number[])[];
  readonly title?: string;
  readonly style?: Partial<ChartStyle>;
}

/** One mark's data. */
export interface ChartDatum {
  readonly label: string;
  readonly series: string;
  readonly value: number;
}

/** @throws {VqaToolError} `bad-argument` for labels that repeat, cells without a number, and the like. */
export function chartData(table: Table, specification: ChartSpecification): ChartDatum[] {
  const { kind, labelColumn = 0 } = specification;
  const valueColumns = specification.valueColumns ?? firstNumeric(table, labelColumn);
  if (!CHART_KINDS.includes(kind)) {
    throw new VqaToolError(
      'bad-argument',
      `Unknown chart kind "${kind}". Known: ${CHART_KINDS.join(', ')}.`,
    );
  }
  const takesSeveral = kind === 'line' || kind.endsWith('_grouped');
  if (valueColumns.length === 0 || (valueColumns.length > 1 && !takesSeveral)) {
    throw new VqaToolError(
      'bad-argument',
      `A ${kind} chart needs ${takesSeveral ? 'at least one value column' : 'one value column'}, got ${valueColumns.length}.`,
    );
  }
  const labels = table.rows.map((row) => drawableText(row[labelColumn] ?? ''));
  const repeated = labels.find((label, i) => labels.indexOf(label) !== i);
  if (labels.length === 0 || repeated !== undefined || labels.includes('')) {
    throw new VqaToolError(
      'bad-argument',
      repeated === undefined
        ? 'A chart needs at least one row, and no label may be empty.'
        : `The label "${repeated}" repeats; choose another \`labelColumn\`.`,
    );
  }
  return valueColumns.flatMap((column, seriesIndex) =>
    labels.map((label, row) => {
      const value = specification.values
        ? specification.values[seriesIndex]?.[row]
        : cellNumber(table.rows[row]?.[column] ?? '');
      if (value === undefined || value === null || !Number.isFinite(value)) {
        throw new VqaToolError(
          'bad-argument',
          `The cell in row ${row}, column ${column} ("${table.rows[row]?.[column] ?? ''}") is no number.`,
        );
      }
      return { label, series: drawableText(table.columns[column] ?? `series ${column}`), value };
    }),
  );
}

function firstNumeric(table: Table, labelColumn: number): number[] {
  const column = table.columns.findIndex(
    (_, i) => i !== labelColumn && table.rows.every((row) => cellNumber(row[i] ?? '') !== null),
  );
  return column === -1 ? [] : [column];
}

/** The vega-lite specification of a chart; marks carry the names that the boxes are found by. */
export function chartSpec(
  data: readonly ChartDatum[],
  { kind, title, style }: { kind: ChartKind; title: string | undefined; style: ChartStyle },
): TopLevelSpec {
  const shared = {
    width: style.width,
    height: style.height,
    background: style.background,
    autosize: { type: 'fit', contains: 'padding' } as const,
    padding: 10,
    ...(title !== undefined && style.showTitle && { title: drawableText(title) }),
    data: { values: data.map((datum, index) => ({ ...datum, index })) },
    config: configOf(style),
  };
  const text = {
    type: 'text',
    font: FONT_FAMILY,
    fontSize: Math.max(10, style.fontSize - 2),
  } as const;
  const series = [...new Set(data.map((datum) => datum.series))];
  const color =
    series.length > 1
      ? { field: 'series', type: 'nominal' as const, sort: null, title: null }
      : { value: style.colors[0] ?? '#4c78a8' };
  if (kind === 'pie') {
    const theta = { field: 'value', type: 'quantitative' as const, stack: true };
    const slice = { field: 'label', type: 'nominal' as const, sort: null, title: null };
    return {
      ...shared,
      encoding: { theta, color: slice, order: { field: 'index', type: 'quantitative' as const } },
      layer: [
        { mark: { type: 'arc', stroke: style.background }, name: 'slices' },
        ...(style.showValues
          ? [
              {
                mark: { ...text, radius: style.height / 4 },
                encoding: { text: { field: 'value' }, color: { value: '#222222' } },
              },
            ]
          : []),
      ],
    } as unknown as TopLevelSpec;
  }
  const isHorizontal = kind.startsWith('h_bar');
  const [only] = series;
  const labels = [...new Set(data.map((datum) => datum.label))];
  const labelAxis = {
    field: 'label',
    type: 'nominal' as const,
    sort: null,
    title: null,
    axis: {
      labelAngle: !isHorizontal && needsTurning(labels, style) ? -45 : 0,
      labelLimit: 160,
      ticks: false,
    },
    ...(kind !== 'line' && {
      scale: { paddingInner: style.barPadding, paddingOuter: style.barPadding / 2 },
    }),
  };
  const valueAxis = {
    field: 'value',
    type: 'quantitative' as const,
    title: series.length > 1 ? null : only,
    // The outermost label may stand beyond the axis: pulled inwards it would cover its neighbor.
    axis: { grid: style.grid, labelFlush: false, ...(isHorizontal && { tickCount: 6 }) },
  };
  const encoding = isHorizontal
    ? {
        y: labelAxis,
        x: valueAxis,
        ...(kind === 'h_bar_grouped' && { yOffset: { field: 'series', sort: null } }),
      }
    : {
        x: labelAxis,
        y: valueAxis,
        ...(kind === 'v_bar_grouped' && { xOffset: { field: 'series', sort: null } }),
      };
  const mark =
    kind === 'line'
      ? { type: 'line' as const, point: { size: 45, filled: true } }
      : { type: 'bar' as const };
  const valueMark = isHorizontal
    ? { ...text, align: 'left' as const, dx: 3 }
    : { ...text, baseline: 'bottom' as const, dy: -3 };
  // The pieces above are written out literally; the union of vega-lite's types is too wide to infer.
  return {
    ...shared,
    encoding: { ...encoding, color },
    layer: [
      { mark, name: 'marks' },
      ...(style.showValues
        ? [{ mark: valueMark, encoding: { text: { field: 'value' }, color: { value: '#222222' } } }]
        : []),
    ],
  } as unknown as TopLevelSpec;
}

/** Whether the labels would run into each other when they stand upright side by side. */
function needsTurning(labels: readonly string[], style: ChartStyle): boolean {
  const longest = Math.max(...labels.map((label) => label.length));
  return longest * style.fontSize * 0.6 > (style.width - 90) / labels.length;
}

function configOf(style: ChartStyle): Record<string, unknown> {
  const font = FONT_FAMILY;
  const { fontSize } = style;
  return {
    font,
    range: { category: [...style.colors] },
    axis: { labelFontSize: fontSize, titleFontSize: fontSize, labelFont: font, titleFont: font },
    legend: {
      labelFontSize: fontSize,
      labelFont: font,
      titleFont: font,
      labelLimit: 160,
    },
    title: { fontSize: fontSize + 3, font },
    view: { stroke: null },
  };
}
