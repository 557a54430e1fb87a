import { VlmError } from '../errors.js';
import type { ScoredTokens } from './scored-tokens.js';

/** @throws {VlmError} `invalid-argument` for another length, `not-finite` for NaN or infinity; before any work. */
export function checkCotangents(
  name: string,
  cotangents: readonly ArrayLike<number>[],
  scored: readonly ScoredTokens[],
): void {
  if (cotangents.length !== scored.length) {
    throw new VlmError(
      'invalid-argument',
      `\`${name}\` must have one array for each of the ${scored.length} sequences, got ${cotangents.length}.`,
    );
  }
  for (const [index, values] of cotangents.entries()) {
    const expected = scored[index]?.ids.length ?? 0;
    if (values.length !== expected) {
      throw new VlmError(
        'invalid-argument',
        `\`${name}[${index}]\` must have one number for each of the ${expected} sampled tokens, got ${values.length}.`,
      );
    }
    for (let place = 0; place < values.length; place++) {
      if (!Number.isFinite(values[place]))
        throw new VlmError('not-finite', `\`${name}[${index}][${place}]\` is ${values[place]}.`);
    }
  }
}
