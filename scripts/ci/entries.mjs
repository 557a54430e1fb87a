/** @typedef {import('../workspace.mjs').Manifest} Manifest */

/**
 * What a user can import from a package: one specifier for every entry of `exports`.
 *
 * @param {Manifest} manifest
 * @returns {string[]} For example `['@iapo/attribution', '@iapo/attribution/testing']`.
 * @throws {Error} If the package has no `exports`, or a pattern in them.
 */
export function importableEntries({ name, exports }) {
  const entries = Object.keys(exports ?? {}).filter((entry) => entry !== './package.json');
  if (entries.length === 0)
    throw new Error(`${name} exports nothing. Give its package.json an "exports" map.`);
  const pattern = entries.find((entry) => entry.includes('*'));
  if (pattern !== undefined) {
    throw new Error(
      `${name} exports the pattern "${pattern}". Name every entry, so that each can be checked.`,
    );
  }
  return entries.map((entry) => name + entry.slice(1));
}
