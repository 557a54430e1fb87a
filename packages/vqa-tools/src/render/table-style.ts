import { styleChoices } from './style-choices.js';

/** How a table is drawn. Sizes in pixels, colors as CSS. */
export interface TableStyle {
  /** 8 to 40. Default 14. */
  readonly fontSize: number;
  /** Space between a cell's text and its sides. Default 8. */
  readonly padding: number;
  /** Lines between cells. Default all. */
  readonly lines: 'all' | 'rows' | 'header' | 'none';
  readonly lineColor: string;
  readonly headerFill: string;
  readonly headerText: string;
  readonly text: string;
  /** Fill of every second row; null for none. */
  readonly zebraFill: string | null;
  /** Columns wider than this are cut with "…". Default 260. */
  readonly maxColumnWidth: number;
  /** Space around the table. Default 10. */
  readonly margin: number;
  readonly showTitle: boolean;
}

/** A plain table, as on Wikipedia. */
export const defaultTableStyle: TableStyle = {
  fontSize: 14,
  padding: 8,
  lines: 'all',
  lineColor: '#a2a9b1',
  headerFill: '#eaecf0',
  headerText: '#202122',
  text: '#202122',
  zebraFill: null,
  maxColumnWidth: 260,
  margin: 10,
  showTitle: false,
};

/** A style of its own for each seed: sizes, lines and colors vary. */
export function randomTableStyle(seed: number): TableStyle {
  const choose = styleChoices(seed);
  const palette = choose([
    { headerFill: '#eaecf0', headerText: '#202122', lineColor: '#a2a9b1', zebraFill: null },
    { headerFill: '#1f4e79', headerText: '#ffffff', lineColor: '#9dc3e6', zebraFill: '#ddebf7' },
    { headerFill: '#ffffff', headerText: '#000000', lineColor: '#000000', zebraFill: null },
    { headerFill: '#375623', headerText: '#ffffff', lineColor: '#a9d08e', zebraFill: '#e2efda' },
    { headerFill: '#404040', headerText: '#ffffff', lineColor: '#bfbfbf', zebraFill: '#f2f2f2' },
  ]);
  return {
    ...defaultTableStyle,
    ...palette,
    fontSize: choose([12, 13, 14, 15, 16, 18]),
    padding: choose([5, 6, 8, 10]),
    lines: choose(['all', 'rows', 'header', 'all']),
    margin: choose([6, 10, 16]),
  };
}
