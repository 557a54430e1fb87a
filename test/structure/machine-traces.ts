/** Public package registries; written so that this line does not match itself. */
const publicRegistries =
  /\b(registry|files)\.(npmjs|yarnpkg|pythonhosted)\.(org|com)|\bpypi\.org\/simple/;

/** Folders of the machines that this repository is made on, where they begin an absolute path. */
const machinePaths = /(?<![\w.~*)\]}-])\/(work|root|opt\/peers|tmp\/bash_jobs|tmp\/brief)\//;

/**
 * Lines that tie the repository to one machine: a registry's host name or an absolute path.
 *
 * @param path Of the file, for the message.
 * @param text Its content.
 * @param registries Host names of the registries that this machine uses.
 * @returns One message a finding.
 */
export function machineTraces(path: string, text: string, registries: readonly string[]): string[] {
  return text.split('\n').flatMap((line, index) => {
    const host = publicRegistries.exec(line)?.[0] ?? registries.find((name) => line.includes(name));
    const found = host ?? machinePaths.exec(line)?.[0];
    return found === undefined
      ? []
      : [`${path}:${index + 1}: holds "${found}", which belongs to one machine.`];
  });
}

/**
 * Entries of a lock file that say where they were downloaded from.
 *
 * @param packages The lock file's `packages`.
 * @returns Paths of the entries.
 */
export function lockedHosts(
  packages: Readonly<Record<string, { resolved?: string; link?: boolean }>>,
): string[] {
  return Object.entries(packages)
    .filter(([, { resolved, link }]) => resolved !== undefined && link !== true)
    .map(([path]) => path);
}
