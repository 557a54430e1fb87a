import type { Manifest } from '../../scripts/workspace.mjs';

/**
 * Which packages of this repository a package may use: the picture in ARCHITECTURE.md.
 * `development` is for folders beside `src` that are not published, such as tiny-vlm's `training/`.
 */
export type DependencyPicture = Readonly<
  Record<string, { readonly runtime: readonly string[]; readonly development?: readonly string[] }>
>;

const everything = [
  '@iapo/onnx-autograd',
  '@iapo/vlm-adapters',
  '@iapo/attribution',
  '@iapo/rl-core',
  '@iapo/vqa-tools',
  '@iapo/tiny-vlm',
];

export const dependencyPicture: DependencyPicture = {
  '@iapo/onnx-autograd': { runtime: [] },
  '@iapo/attribution': { runtime: [] },
  '@iapo/rl-core': { runtime: [] },
  '@iapo/vqa-tools': { runtime: [] },
  '@iapo/vlm-adapters': { runtime: ['@iapo/onnx-autograd'], development: ['@iapo/rl-core'] },
  '@iapo/tiny-vlm': {
    runtime: ['@iapo/vqa-tools'],
    development: ['@iapo/onnx-autograd', '@iapo/vlm-adapters', '@iapo/rl-core', '@iapo/vqa-tools'],
  },
  '@iapo/iapo': { runtime: everything },
};

/**
 * Dependencies in a package's manifest that point against the picture.
 *
 * Development dependencies count as well: a test that needs two packages that know nothing of each
 * other belongs to a package above both, or to the repository's `test/`.
 *
 * @param manifest Of a package under `packages/`.
 * @returns One message a finding.
 */
export function dependenciesAgainstPicture(
  manifest: Manifest,
  picture: DependencyPicture = dependencyPicture,
): string[] {
  const { name } = manifest;
  const allowed = picture[name];
  if (allowed === undefined) {
    return [
      `${name} is not in the picture. Add it to test/structure/dependency-picture.ts and to ARCHITECTURE.md.`,
    ];
  }
  const runtime = {
    ...manifest.dependencies,
    ...manifest.peerDependencies,
    ...manifest.optionalDependencies,
  };
  return [
    ...Object.keys(runtime)
      .filter((dependency) => isOurs(dependency) && !allowed.runtime.includes(dependency))
      .map((dependency) => `${name} depends on ${dependency}, against the picture.`),
    ...Object.keys(manifest.devDependencies ?? {})
      .filter(isOurs)
      .filter((dependency) => !(allowed.development ?? allowed.runtime).includes(dependency))
      .map((dependency) => `${name} depends on ${dependency} in development, against the picture.`),
  ];
}

function isOurs(name: string): boolean {
  return name.startsWith('@iapo/');
}
