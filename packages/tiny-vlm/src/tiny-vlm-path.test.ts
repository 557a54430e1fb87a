import { describe, expect, it } from 'vitest';
import { TinyVlmError } from './errors.js';
import { type TinyVlmName, tinyVlmPath } from './tiny-vlm-path.js';

describe('tinyVlmPath', () => {
  it('refuses a model that does not exist, and names those that do', () => {
    expect(() => tinyVlmPath('giant' as TinyVlmName)).toThrow(
      new TinyVlmError(
        'unknown-model',
        'There is no model "giant". Known: base, student, teacher.',
      ),
    );
  });
});
