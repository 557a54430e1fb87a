// A whole CI run: `.ci/run` starts it on a fresh machine that has Node, npm and git.
// Its last line is `N passed, N failed`, counted from the test runner's own report.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run } from '../command.mjs';
import { publicPackages, readRootManifest, readWorkspaces, trackedFiles } from '../workspace.mjs';
import { ensureChromium } from './chromium.mjs';
import {
  importEveryEntry,
  makeConsumer,
  startEveryBinary,
  typecheckConsumer,
} from './consumer.mjs';
import { runExample } from './examples.mjs';
import { failTogether, runPhases, tableOfPhases } from './phases.mjs';
import { skipsWithoutReason, testFile, unexplainedSkips } from './skipped-tests.mjs';
import { checkTarball, packPackages } from './tarballs.mjs';
import { countTests, readTestReport, summaryLine } from './test-report.mjs';

process.env['CI'] = 'true';

const reportPath = `${root}.test-results/vitest.json`;
// A report of an earlier run must not be taken for this one's.
rmSync(reportPath, { force: true });

// The last line comes also if this script itself breaks.
process.on('uncaughtException', (error) => {
  console.log(error);
  process.exit(1);
});
process.on('exit', () => console.log(summaryLine(countTests(readTestReport(reportPath)))));

const folder = mkdtempSync(join(tmpdir(), 'iapo-ci-'));
const consumerFolder = join(folder, 'consumer');
const workspaces = readWorkspaces();
const treeBefore = changesOfTree();

/** @type {import('./tarballs.mjs').Tarball[]} */
let tarballs = [];

/** @type {import('./phases.mjs').Phase[]} */
const phases = [
  { name: 'install', action: () => void run('npm', ['ci', '--include=dev']) },
  { name: 'chromium', action: () => console.log(ensureChromium()) },
  {
    name: 'biome',
    needs: ['install'],
    action: () => void run('biome', ['ci', '--colors=off', '.']),
  },
  { name: 'knip', needs: ['install'], action: () => void run('knip', ['--no-progress']) },
  {
    name: 'build',
    needs: ['install'],
    action: () => void run('turbo', ['run', 'build', '--continue', '--log-order=grouped']),
  },
  {
    name: 'typecheck',
    needs: ['build'],
    action: () => {
      run('tsc', ['-p', 'tsconfig.json']);
      run('turbo', ['run', 'typecheck', '--continue', '--log-order=grouped']);
    },
  },
  { name: 'npm test', needs: ['install'], action: () => void run('npm', ['test']) },
  { name: 'skipped tests', action: checkSkippedTests },
  ...workspaces
    .filter((workspace) => workspace.folder.startsWith('examples/'))
    .map((example) => ({
      name: example.folder,
      needs: ['build'],
      action: () => runExample(example),
    })),
  {
    name: 'pack',
    needs: ['build'],
    action: () => {
      tarballs = packPackages(publicPackages(workspaces), join(folder, 'tarballs'));
    },
  },
  { name: 'check tarballs', needs: ['pack'], action: () => failTogether(tarballs, checkTarball) },
  {
    name: 'consumer: install',
    needs: ['pack'],
    action: () => makeConsumer(consumerFolder, tarballs, readRootManifest().devDependencies ?? {}),
  },
  {
    name: 'consumer: import',
    needs: ['consumer: install'],
    action: () => {
      importEveryEntry(consumerFolder, tarballs);
      startEveryBinary(consumerFolder, tarballs);
    },
  },
  {
    name: 'consumer: types',
    needs: ['consumer: install'],
    action: () => typecheckConsumer(consumerFolder),
  },
  { name: 'clean tree', action: checkTree },
];

const results = runPhases(phases, { print: console.log, now: () => performance.now() });
rmSync(folder, { recursive: true, force: true });

const counts = countTests(readTestReport(reportPath));
const hasPassed = results.every(({ outcome }) => outcome === 'passed') && counts.failed === 0;
console.log(`\n${tableOfPhases(results)}\n`);
if (counts.skipped > 0) console.log(`${counts.skipped} tests were skipped, each with its reason.`);
if (!hasPassed) console.log('CI failed.');
process.exitCode = hasPassed ? 0 : 1;

function checkSkippedTests() {
  const findings = trackedFiles()
    .filter((path) => testFile.test(path))
    .flatMap((path) => skipsWithoutReason(path, readFileSync(join(root, path), 'utf8')));
  const report = readTestReport(reportPath);
  if (report !== null)
    findings.push(...unexplainedSkips(report, root, (path) => readFileSync(path, 'utf8')));
  if (findings.length > 0) throw new Error(findings.join('\n'));
}

/** Installing, building and testing may leave nothing behind that git sees. */
function checkTree() {
  const changes = changesOfTree().filter((line) => !treeBefore.includes(line));
  if (changes.length > 0) throw new Error(`This run changed the tree:\n${changes.join('\n')}`);
}

function changesOfTree() {
  const status = run('git', ['-c', 'safe.directory=*', 'status', '--porcelain'], { capture: true });
  return status.split('\n').filter((line) => line !== '');
}
