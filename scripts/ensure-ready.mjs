import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a command in the repository's root with its output shown; ends this process if it fails. */
export function run(command, args, environment = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', ...environment },
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Installs the exact locked dependencies if they are missing or older than the lock file, then builds. */
export function ensureReady() {
  const installed = `${root}node_modules/.package-lock.json`;
  const wanted = `${root}package-lock.json`;
  if (!existsSync(installed) || !sameVersions(installed, wanted)) {
    run('npm', ['ci'], { ONNXRUNTIME_NODE_INSTALL: 'skip' });
  }
  run('npx', ['turbo', 'run', 'build', '--output-logs=errors-only', '--log-order=grouped']);
}

function sameVersions(installedPath, wantedPath) {
  const installed = JSON.parse(readFileSync(installedPath, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(wantedPath, 'utf8')).packages;
  // Optional packages of other platforms are in the wanted list only.
  return Object.entries(wanted).every(
    ([path, { version, optional, link }]) =>
      path === '' || optional || (link ? path in installed : !path.startsWith('node_modules/') || installed[path]?.version === version),
  );
}
