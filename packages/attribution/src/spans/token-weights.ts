import { AttributionError } from '../errors.js';
import type { AttributionInput } from '../input.js';
import { type CallPart, findCallSpans } from './tool-call-spans.js';

/** Which completion tokens count in the target: by span of the call, or one weight a token. */
export type TokenWeights = TargetSpan | readonly TargetSpan[] | ArrayLike<number>;

export type TargetSpan = 'all' | 'toolName' | 'argumentNames' | 'argumentValues' | 'noTemplate';

/** Which parts of a call each span keeps. */
export const targetSpans: Readonly<Record<TargetSpan, readonly CallPart[]>> = {
  all: ['toolName', 'argumentNames', 'argumentValues', 'template'],
  toolName: ['toolName'],
  argumentNames: ['argumentNames'],
  argumentValues: ['argumentValues'],
  noTemplate: ['toolName', 'argumentNames', 'argumentValues'],
};

/**
 * One weight a completion token. A token counts for a span when any of its characters lies in it, so that a token
 * that holds a quote and the first letters of a name counts as name.
 *
 * @throws {AttributionError} `bad-option` for weights of another length, not finite, or all 0.
 */
export function resolveTokenWeights(
  input: AttributionInput,
  choice: TokenWeights = 'all',
): Float64Array {
  const count = input.completion.length;
  if (choice === 'all') return new Float64Array(count).fill(1);
  const weights = isSpans(choice)
    ? spanWeights(input, typeof choice === 'string' ? [choice] : choice)
    : Float64Array.from(choice);
  if (weights.length !== count) {
    throw new AttributionError(
      'bad-option',
      `\`tokenWeights\` must have one weight a completion token: expected ${count}, got ${weights.length}.`,
    );
  }
  if (!weights.every(Number.isFinite)) {
    throw new AttributionError('bad-option', '`tokenWeights` must be finite.');
  }
  if (weights.every((weight) => weight === 0)) {
    throw new AttributionError(
      'bad-option',
      `\`tokenWeights\` (${describe(choice)}) leave no completion token: nothing would be explained.`,
    );
  }
  return weights;
}

function isSpans(choice: TokenWeights): choice is TargetSpan | readonly TargetSpan[] {
  return typeof choice === 'string' || (choice.length > 0 && typeof choice[0] === 'string');
}

function spanWeights(input: AttributionInput, spans: readonly TargetSpan[]): Float64Array {
  const tokens = input.completionTokens;
  if (tokens === undefined) {
    throw new AttributionError(
      'bad-option',
      '`tokenWeights` by span need `completionTokens`, the text of every completion token.',
    );
  }
  const parts = new Set<CallPart>();
  for (const span of spans) {
    if (!Object.hasOwn(targetSpans, span)) {
      throw new AttributionError(
        'unknown-name',
        `Unknown span "${span}". Known: ${Object.keys(targetSpans).join(', ')}; or pass one weight a token.`,
      );
    }
    for (const part of targetSpans[span]) parts.add(part);
  }
  const kept = findCallSpans(tokens.join('')).filter(({ part }) => parts.has(part));
  let start = 0;
  return Float64Array.from(tokens, (text) => {
    const end = start + text.length;
    const counts = kept.some((span) => span.start < end && start < span.end);
    start = end;
    return counts ? 1 : 0;
  });
}

function describe(choice: TokenWeights): string {
  if (typeof choice === 'string') return choice;
  return isSpans(choice) ? choice.join(', ') : Array.from(choice).slice(0, 8).join(', ');
}
