/** Colors of blocks in order: one for light and one for dark pages; distinguishable without red against green. */
export const palette: readonly { readonly light: string; readonly dark: string }[] = [
  { light: '#0072b2', dark: '#56a9e8' },
  { light: '#d55e00', dark: '#ff9a5c' },
  { light: '#009e73', dark: '#45d3a8' },
  { light: '#a0479b', dark: '#dd8bd6' },
  { light: '#8a6d00', dark: '#e6c229' },
  { light: '#5b5fc7', dark: '#a3a6ff' },
  { light: '#8c4a2f', dark: '#d69a7f' },
  { light: '#556270', dark: '#a9b4c2' },
];

/** Steps of shading; 0 is none. */
export const shadeSteps = 10;

/** Color number of a block, repeating when there are more blocks than colors. */
export function colorIndex(block: number): number {
  return block % palette.length;
}

/** Shade of a score beside the largest magnitude: 0 … {@link shadeSteps}. */
export function shadeOf(score: number, largest: number): number {
  return largest === 0 ? 0 : Math.round((Math.abs(score) / largest) * shadeSteps);
}

export function largestMagnitude(scores: Iterable<number | null>): number {
  let largest = 0;
  for (const score of scores) largest = Math.max(largest, Math.abs(score ?? 0));
  return largest;
}
