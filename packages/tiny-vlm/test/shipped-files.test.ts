import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type TinyVlmName, tinyVlmPath } from '../src/index.js';
import { filesOf } from '../training/model/describe-models.js';
import { makeTokenizer } from '../training/text/vocabulary.js';

const path = fileURLToPath(new URL('../models/models.json', import.meta.url));
// Written by the training command.
const described = JSON.parse(readFileSync(path, 'utf8')) as Record<TinyVlmName, { files: unknown }>;
const names = Object.keys(described) as TinyVlmName[];

describe('the files of the shipped models', () => {
  it('have the hashes of models.json, and at most 12 MB in all', () => {
    let bytes = 0;
    for (const name of names) {
      const files = filesOf(tinyVlmPath(name));
      expect(files).toEqual(described[name].files);
      for (const file of Object.values(files)) bytes += file.bytes;
    }
    expect(names.length).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(12e6);
  });

  it.each(names)('%s has the tokenizer that training uses', (name) => {
    const tokenizer = JSON.parse(readFileSync(`${tinyVlmPath(name)}/tokenizer.json`, 'utf8'));
    expect(tokenizer).toEqual(makeTokenizer().toJson());
  });
});
