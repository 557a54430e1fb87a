#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { runCommandLine } from './program.js';
import { processTerminal } from './terminal.js';

const manifest: { version: string } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);
process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal(), manifest.version);
