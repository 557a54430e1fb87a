import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { gradientRules } from '../../src/index.js';
import { rewrites } from '../../src/rewrites/index.js';

const page = readFileSync(new URL('../../docs/operators.md', import.meta.url), 'utf8');

/** Rows of the table under a heading, as `domain operator` with the note. */
function rowsUnder(heading: string): Map<string, string> {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const [, domain = '', operator = '', note = ''] = cells;
    const isHeader = domain === '' || domain === 'domain' || domain.startsWith('-');
    return isHeader ? [] : [[`${domain} ${operator}`, note] as const];
  });
  return new Map(rows);
}

function operatorsOf(table: Readonly<Record<string, object>>): string[] {
  return Object.entries(table).flatMap(([domain, operators]) =>
    Object.keys(operators).map((operator) => `${domain === '' ? 'ai.onnx' : domain} ${operator}`),
  );
}

it.each([
  ['Rules', gradientRules],
  ['Rewritten before they are differentiated', rewrites],
])('lists under "%s" every operator with a note, and no other', (heading, table) => {
  const rows = rowsUnder(heading);
  expect([...rows.keys()].sort()).toEqual(operatorsOf(table).sort());
  expect([...rows].filter(([, note]) => note === '')).toEqual([]);
});
