import { AttributionError } from '../errors.js';
import type { AttributionInput } from '../input.js';
import { blockPlayers } from './block-players.js';
import type { Player } from './player.js';

/**
 * Splits the tool block into single tools: one player a JSON object at the top level of the block's text, named by
 * its `"name"`. Other blocks, and what surrounds the tools, stay one player each.
 *
 * A token that holds the end of one tool and the start of the next goes to the first.
 *
 * @param options.block Name of the block with the tool definitions. Default `T`.
 * @throws {AttributionError} `bad-input` without token texts or without a tool in the block.
 */
export function toolPlayers(
  input: AttributionInput,
  { block = 'T' }: { block?: string } = {},
): Player[] {
  const { tokens: texts } = input;
  if (texts === undefined) {
    throw new AttributionError(
      'bad-input',
      'Tool players need `tokens`, the text of every prompt token.',
    );
  }
  const whole = blockPlayers(input);
  const tools = whole.find(({ name }) => name === block);
  const objects = findObjects((tools?.tokens ?? []).map((index) => texts[index] ?? '').join(''));
  if (tools === undefined || objects.length === 0) {
    throw new AttributionError(
      'bad-input',
      `Tool players: no JSON tool definition found in the text of block "${block}".`,
    );
  }
  const members = objects.map((): number[] => []);
  const rest: number[] = [];
  let start = 0;
  for (const token of tools.tokens) {
    const end = start + (texts[token] ?? '').length;
    const owner = objects.findIndex((range) => range.start < end && start < range.end);
    (members[owner] ?? rest).push(token);
    start = end;
  }
  const split = objects
    .map(({ name }, index) => ({
      name: `${block}: ${name}`,
      tokens: members[index] ?? [],
      group: block,
    }))
    .filter(({ tokens }) => tokens.length > 0);
  if (rest.length > 0) split.push({ name: `${block}: other text`, tokens: rest, group: block });
  return whole.flatMap((player) => (player === tools ? split : [player]));
}

interface ObjectRange {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Outermost `{…}` of a text, braces inside strings not counted. */
function findObjects(text: string): ObjectRange[] {
  const ranges: ObjectRange[] = [];
  let depth = 0;
  let start = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (isInString && character === '\\') index++;
    else if (depth > 0 && character === '"') isInString = !isInString;
    else if (!isInString && character === '{') {
      if (depth === 0) start = index;
      depth++;
    } else if (!isInString && character === '}' && depth > 0) {
      depth--;
      if (depth === 0) {
        const name = /"name"\s*:\s*"([^"]*)"/.exec(text.slice(start, index + 1))?.[1];
        ranges.push({ name: name ?? `object ${ranges.length + 1}`, start, end: index + 1 });
      }
    }
  }
  return ranges;
}
