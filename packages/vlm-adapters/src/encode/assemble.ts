import { VlmError } from '../errors.js';
import type { ImagePlan, ModelFamily } from '../families/family.js';
import type { Block, PreparedPrompt } from '../types/prompt.js';
import { type ImagePlace, positionIds } from './positions.js';
import { permission, type Segment, segmentAt } from './segments.js';
import type { TextTokenizer } from './tokenizer.js';

interface ExpandedSegment extends Segment {
  /** The picture at whose placeholders this is; `null` elsewhere. */
  readonly image: number | null;
}

/** A prompt, or the end of one, as tokens. */
export interface Assembled
  extends Pick<
    PreparedPrompt,
    'inputIds' | 'positionIds' | 'nextPosition' | 'text' | 'blocks' | 'characters'
  > {
  /** For each picture, its placeholder tokens, counted from the beginning of these tokens. */
  readonly imageTokens: readonly Int32Array[];
}

/** Puts in place of each marker that the template wrote what stands there for the picture. */
function expandMarkers(
  segments: readonly Segment[],
  marker: string,
  plans: readonly ImagePlan[],
): ExpandedSegment[] {
  const expanded: ExpandedSegment[] = [];
  let image = 0;
  for (const segment of segments) {
    const parts = segment.trust === 'template' ? segment.text.split(marker) : [segment.text];
    for (const [index, part] of parts.entries()) {
      if (index > 0) {
        for (const { text, isPlaceholder } of plans[image]?.text ?? [])
          expanded.push({
            text,
            block: isPlaceholder ? 'I' : 'P',
            trust: 'template',
            image: isPlaceholder ? image : null,
          });
        image++;
      }
      if (part !== '') expanded.push({ ...segment, text: part, image: null });
    }
  }
  if (image !== plans.length)
    throw new VlmError(
      'prompt',
      `The chat template wrote ${image} markers ("${marker}") for ${plans.length} pictures: its messages may not ` +
        'take pictures in these roles.',
    );
  return expanded;
}

/**
 * Turns labeled text into tokens with their blocks, characters and positions.
 *
 * @param options.start Position of the first token.
 * @throws {VlmError} `prompt` if the template's markers do not match the pictures.
 */
export function assemble(
  segments: readonly Segment[],
  plans: readonly ImagePlan[],
  options: {
    readonly tokenizer: TextTokenizer;
    readonly family: ModelFamily;
    readonly marker: string;
    readonly imageTokenId: number;
    readonly start: number;
  },
): Assembled {
  const { tokenizer, family, marker, imageTokenId, start } = options;
  const expanded = expandMarkers(segments, marker, plans);
  const text = expanded.map((segment) => segment.text).join('');
  const ends: number[] = [];
  for (const segment of expanded) ends.push((ends.at(-1) ?? 0) + segment.text.length);
  const { ids, starts, owners } = tokenizer.encode(
    text,
    permission(expanded, family.isOrdinaryText),
  );
  const blocks: Block[] = [];
  const imageTokens: number[][] = plans.map(() => []);
  for (const [index, id] of ids.entries()) {
    const segment = expanded[segmentAt(ends, owners[index] ?? 0)];
    blocks.push(segment?.block ?? 'P');
    if (id !== imageTokenId) continue;
    const image = segment?.image ?? null;
    if (image === null)
      throw new VlmError(
        'image-tokens',
        `The prompt holds an image token that belongs to no picture (token ${index}).`,
      );
    imageTokens[image]?.push(index);
  }
  checkCounts(imageTokens, plans);
  const places: ImagePlace[] = [];
  for (const [image, { grid }] of plans.entries())
    if (grid !== null && family.positionPlanes === 3)
      places.push({ firstToken: imageTokens[image]?.[0] ?? 0, grid });
  const { positions, next } = positionIds(ids.length, family.positionPlanes, places, start);
  return {
    inputIds: Int32Array.from(ids),
    positionIds: positions,
    nextPosition: next,
    text,
    blocks,
    characters: Int32Array.from([...starts, text.length]),
    imageTokens: imageTokens.map((tokens) => Int32Array.from(tokens)),
  };
}

function checkCounts(imageTokens: readonly number[][], plans: readonly ImagePlan[]): void {
  for (const [image, { tokens }] of plans.entries()) {
    const count = imageTokens[image]?.length ?? 0;
    if (count !== tokens)
      throw new VlmError(
        'image-tokens',
        `Picture ${image + 1} has ${count} image tokens in the prompt and ${tokens} rows of features: the tokenizer ` +
          "does not know the family's placeholder.",
      );
  }
}
