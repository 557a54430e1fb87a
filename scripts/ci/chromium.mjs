import { existsSync } from 'node:fs';
import { CommandFailed, run } from '../command.mjs';

/** Where Debian puts it, and where the tests that open a page look for it. */
const path = '/usr/bin/chromium';

/**
 * Installs Debian's Chromium if it is missing. Where that is impossible it says so and goes on: the
 * tests that open a page then fail by themselves.
 *
 * @returns {string} What was found or done, in one sentence.
 */
export function ensureChromium() {
  if (existsSync(path)) return `${path} is there.`;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    return `${path} is missing and cannot be installed here (that needs root and apt-get). Tests that open a page will fail.`;
  }
  try {
    run('apt-get', ['update', '--quiet=2']);
    run('env', [
      'DEBIAN_FRONTEND=noninteractive',
      ...['apt-get', 'install', '--yes', '--quiet=2', '--no-install-recommends', 'chromium'],
      // One line a package otherwise, some hundred of them.
      '--option=Dpkg::Use-Pty=0',
    ]);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return `${path} is missing and could not be installed: ${error.message} Tests that open a page will fail.`;
  }
  return `${path} was installed.`;
}
