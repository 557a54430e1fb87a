import { AttributionError } from '../errors.js';
import { type AttributionInput, listModalities } from '../input.js';
import type { Player } from './player.js';

/**
 * One player a word: a token starts a new one when it begins with white space, follows white space, or lies in
 * another block. The tokens of an image block are one player.
 *
 * @throws {AttributionError} `bad-input` without token texts.
 */
export function wordPlayers(input: AttributionInput): Player[] {
  const { tokens: texts } = input;
  if (texts === undefined) {
    throw new AttributionError(
      'bad-input',
      'Word players need `tokens`, the text of every prompt token.',
    );
  }
  const modalities = listModalities(input);
  const players: {
    name: string;
    tokens: number[];
    group: string;
    endsInSpace: boolean;
    isImage: boolean;
  }[] = [];
  for (const [index, group] of input.blocks.entries()) {
    if (group === null) continue;
    const text = texts[index] ?? '';
    const isImage = modalities[index] === 'image';
    const current = players.at(-1);
    const continues =
      current !== undefined &&
      current.group === group &&
      current.tokens.at(-1) === index - 1 &&
      current.isImage === isImage &&
      (isImage || (!current.endsInSpace && !/^\s/.test(text)));
    if (continues) {
      current.tokens.push(index);
      current.endsInSpace = /\s$/.test(text);
      if (!isImage) current.name += text;
    } else {
      players.push({
        name: isImage ? group : text,
        tokens: [index],
        group,
        endsInSpace: /\s$/.test(text),
        isImage,
      });
    }
  }
  return players.map(({ name, tokens, group }) => ({ name: name.trim() || '␣', tokens, group }));
}
