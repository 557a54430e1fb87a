import type { ParsedToolCalls, ParseFailure } from '../calls/types.js';
import type { Raster } from '../image/raster.js';
import type { ContentPart, EpisodeMessage } from './policy.js';
import { type ExecutedCall, resolveImage } from './trajectory.js';

/** A message that tells the model what its call led to, and its text. */
export interface Observation {
  readonly message: EpisodeMessage;
  readonly text: string;
}

/** Tool texts are cut here (characters), so that an observation cannot eat the token budget. */
const MAX_TEXT = 2000;

/** The edited image (the one displayed, else the last one made) and the tools' texts. */
export function successObservation(
  parse: ParsedToolCalls,
  { executed, images }: { executed: readonly ExecutedCall[]; images: readonly Raster[] },
): Observation {
  const failed = executed.find(({ outcome }) => !outcome.ok);
  if (failed !== undefined && !failed.outcome.ok) {
    return failureText(`${failed.call.name}: ${failed.outcome.message}`);
  }
  const resultOfCall = executed.map(({ outcome }) => (outcome.ok ? outcome.imageIndex : null));
  const shown =
    parse.display === null
      ? (resultOfCall.findLast((index) => index !== null) ?? null)
      : resolveImage(parse.display, { images: images.length, resultOfCall });
  const image = shown === null ? undefined : images[shown];
  const texts = executed.flatMap(({ outcome }) =>
    outcome.ok && outcome.text !== null ? [outcome.text.slice(0, MAX_TEXT)] : [],
  );
  const text = ['OBSERVATION: the tool ran.', ...texts].join('\n');
  const parts: ContentPart[] = image === undefined ? [] : [{ type: 'image', image }];
  return {
    text,
    message: { role: 'user', content: [...parts, { type: 'text', text }] },
  };
}

/** Why the text could not be used as a call. */
export function failureObservation(failure: ParseFailure | null): Observation {
  return failureText(failure === null ? 'unknown reason' : `${failure.kind}: ${failure.message}`);
}

function failureText(reason: string): Observation {
  const text = `OBSERVATION: the tool call failed (${reason.slice(0, MAX_TEXT)}). Answer from what you see.`;
  return { text, message: { role: 'user', content: [{ type: 'text', text }] } };
}
