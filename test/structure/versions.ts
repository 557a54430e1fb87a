import type { Manifest, Workspace } from '../../scripts/workspace.mjs';

interface Requirement {
  /** Folder of the manifest; '.' for the repository's own. */
  readonly folder: string;
  readonly dependency: string;
  readonly version: string;
}

/** `1.2.3`, `20.19.43-rc.1` or `npm:other-name@1.2.3`. */
const exactPin = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[\w.-]+)?$/;

/**
 * Versions that are no exact pins. Peer dependencies are exempt: they describe what the user may
 * bring, and pinning them would leave the user no choice.
 *
 * @returns One message a finding.
 */
export function loosePins(workspaces: readonly Workspace[]): string[] {
  return requirementsOf(workspaces)
    .filter(({ version }) => !exactPin.test(version))
    .map(
      ({ folder, dependency, version }) =>
        `${folder}: "${dependency}": "${version}" is no exact pin.`,
    );
}

/**
 * Dependencies that two manifests pin to different versions, and packages of this repository that
 * are required in another version than they have.
 *
 * @returns One message a finding.
 */
export function differingVersions(workspaces: readonly Workspace[]): string[] {
  const own = new Map(
    workspaces.map(({ folder, manifest }) => [manifest.name, { folder, manifest }]),
  );
  const first = new Map<string, Requirement>();
  return requirementsOf(workspaces).flatMap((requirement) => {
    const { folder, dependency, version } = requirement;
    const ours = own.get(dependency);
    if (ours !== undefined) {
      if (ours.manifest.version === version) return [];
      return [
        `${folder} needs ${dependency} ${version}, but ${ours.folder} has version ${ours.manifest.version}.`,
      ];
    }
    const other = first.get(dependency) ?? requirement;
    first.set(dependency, other);
    if (other.version === version) return [];
    return [`${dependency} is ${version} in ${folder} and ${other.version} in ${other.folder}.`];
  });
}

function requirementsOf(workspaces: readonly Workspace[]): Requirement[] {
  return workspaces.flatMap(({ folder, manifest }) =>
    Object.entries(pinned(manifest)).map(([dependency, version]) => ({
      folder,
      dependency,
      version,
    })),
  );
}

function pinned(manifest: Manifest): Record<string, string> {
  return {
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
    ...manifest.dependencies,
  };
}
