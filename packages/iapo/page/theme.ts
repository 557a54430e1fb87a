/** A color of the style sheet, as the reader's color scheme has it. */
export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Class of a block, and the number of its color: known letters keep theirs in every report. */
const known = ['P', 'R', 'I', 'T'];

function blockIndex(name: string | null): number | null {
  if (name === null) return null;
  const at = known.indexOf(name);
  if (at >= 0) return at;
  const sum = [...name].reduce((total, character) => total + (character.codePointAt(0) ?? 0), 0);
  return 4 + (sum % 4);
}

export function blockClass(name: string | null): string {
  const index = blockIndex(name);
  return index === null ? 'no-block' : `block b${index}`;
}

const meanings: Readonly<Record<string, string>> = {
  P: 'plain text',
  R: 'request',
  I: 'pictures',
  T: 'tools',
};

/** `R request` for a known letter, else the name. */
export function blockLabel(name: string): string {
  const meaning = meanings[name];
  return meaning === undefined ? name : `${name} ${meaning}`;
}

/** Calls back when the reader's color scheme changes. */
export function onThemeChange(change: () => void): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', change);
}
