import { readFileSync } from 'node:fs';

/** The reference file; `any`-free access goes through the small readers below. */
export type Json = { readonly [key: string]: Json } & { readonly [index: number]: Json };

export const cases: Json = JSON.parse(
  readFileSync(new URL('../fixtures/attribution-cases.json', import.meta.url), 'utf8'),
) as Json;

/** The file's names of the quadratures, and ours. */
export const quadratureNames = {
  gausslegendre: 'gaussLegendre',
  riemann_left: 'left',
  riemann_right: 'right',
  riemann_middle: 'midpoint',
  riemann_trapezoid: 'captumTrapezoid',
  trapezoid_proper: 'trapezoid',
} as const;

export function get<T>(value: unknown, ...path: (string | number)[]): T {
  let current = value;
  for (const key of path) {
    if (current === undefined || current === null)
      throw new Error(`reference case without ${path.join('.')}`);
    current = (current as Record<string | number, unknown>)[key];
  }
  return current as T;
}

export function has(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}
