import { AttributionError } from '../errors.js';
import type { EmbeddingSpace, MethodContext } from './method.js';

/** The embedding space of a context, for methods whose `needs` guarantee it. */
export function requireSpace(context: MethodContext): EmbeddingSpace {
  if (context.space === null) {
    throw new AttributionError(
      'unsupported',
      'This method needs embeddings: a model with `embed`.',
    );
  }
  return context.space;
}

/** Checks an integer setting. */
export function requireInteger(name: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least) {
    throw new AttributionError(
      'bad-option',
      `\`${name}\` must be an integer of at least ${least}, got ${value}.`,
    );
  }
  return value;
}

/** Checks a real setting. */
export function requireRange(name: string, value: number, least: number, most: number): number {
  if (!(value >= least && value <= most)) {
    throw new AttributionError(
      'bad-option',
      `\`${name}\` must lie in [${least}, ${most}], got ${value}.`,
    );
  }
  return value;
}
