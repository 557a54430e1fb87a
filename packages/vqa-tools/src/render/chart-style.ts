import { styleChoices } from './style-choices.js';

/** How a chart is drawn. Sizes in pixels, colors as CSS. */
export interface ChartStyle {
  /** Size of the whole image. Default 640×480. */
  readonly width: number;
  readonly height: number;
  readonly colors: readonly string[];
  readonly background: string;
  readonly fontSize: number;
  /** Whether lines run from the value axis through the plot. */
  readonly grid: boolean;
  /** Whether each bar, point or slice has its value beside it. */
  readonly showValues: boolean;
  /** Share of a band that its bar leaves empty, 0 to 0.8. */
  readonly barPadding: number;
  readonly showTitle: boolean;
}

export const defaultChartStyle: ChartStyle = {
  width: 640,
  height: 480,
  colors: ['#4c78a8', '#f58518', '#54a24b', '#e45756', '#72b7b2', '#b279a2', '#eeca3b', '#9d755d'],
  background: '#ffffff',
  fontSize: 13,
  grid: true,
  showValues: false,
  barPadding: 0.25,
  showTitle: true,
};

/** A style of its own for each seed: size, colors, font size, grid and value labels vary. */
export function randomChartStyle(seed: number): ChartStyle {
  const choose = styleChoices(seed);
  const [width, height] = choose([
    [640, 480],
    [560, 420],
    [720, 480],
    [600, 600],
  ] as const);
  return {
    width,
    height,
    colors: choose([
      defaultChartStyle.colors,
      ['#1f77b4', '#ff7f0e', '#2ca02c', '#d62728', '#9467bd', '#8c564b', '#e377c2', '#7f7f7f'],
      ['#2f7ed8', '#0d233a', '#8bbc21', '#910000', '#1aadce', '#492970', '#f28f43', '#77a1e5'],
      ['#264653', '#2a9d8f', '#e9c46a', '#f4a261', '#e76f51', '#8ab17d', '#6d597a', '#b56576'],
    ]),
    background: choose(['#ffffff', '#ffffff', '#fafafa', '#f5f5f0']),
    fontSize: choose([12, 13, 14, 15]),
    grid: choose([true, false]),
    showValues: choose([true, false]),
    barPadding: choose([0.15, 0.25, 0.4]),
    showTitle: true,
  };
}
