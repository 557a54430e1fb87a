import { describe, expect, test } from 'vitest';
import type { AttributionInput } from '../input.js';
import { imagePatchPlayers } from './image-patch-players.js';
import { resolvePlayers } from './index.js';

const texts = [
  'You ',
  'are',
  ' kind',
  '\n',
  '[{"name": "zo',
  'om", "x": "}"}',
  ', {"na',
  'me": "crop"}',
  ']',
  'img',
  'img',
  'img',
  'img',
  'img',
  'img',
  'Wh',
  'ich',
  ' bar',
  '?',
];
const blocks = [...'PPPPTTTTTIIIIIIRRRR'];
const input: AttributionInput = {
  prompt: null,
  completion: [1],
  blocks,
  tokens: texts,
  images: [{ firstToken: 9, rows: 2, columns: 3 }],
};
const named = (players: ReturnType<typeof resolvePlayers>): [string, readonly number[]][] =>
  players.map(({ name, tokens }) => [name, tokens]);

describe('players', () => {
  test('blocks: one each', () => {
    expect(named(resolvePlayers(input))).toEqual([
      ['P', [0, 1, 2, 3]],
      ['T', [4, 5, 6, 7, 8]],
      ['I', [9, 10, 11, 12, 13, 14]],
      ['R', [15, 16, 17, 18]],
    ]);
  });
  test('tokens: one each, those in no block left out', () => {
    const players = resolvePlayers({ ...input, blocks: [null, ...blocks.slice(1)] }, 'tokens');
    expect(players).toHaveLength(18);
    expect(players[0]).toEqual({ name: 'token 1', tokens: [1], group: 'P' });
  });
  test('words: tokens joined to the next white space, never across blocks', () => {
    const words = named(resolvePlayers(input, 'words'));
    expect(words.slice(0, 3)).toEqual([
      ['You', [0]],
      ['are', [1]],
      ['kind', [2]],
    ]);
    expect(words).toContainEqual(['I', [9, 10, 11, 12, 13, 14]]);
    expect(words.slice(-2)).toEqual([
      ['Which', [15, 16]],
      ['bar?', [17, 18]],
    ]);
  });
  test('tools: one a definition inside T, the rest as blocks', () => {
    expect(named(resolvePlayers(input, 'tools'))).toEqual([
      ['P', [0, 1, 2, 3]],
      ['T: zoom', [4, 5]],
      ['T: crop', [6, 7]],
      ['T: other text', [8]],
      ['I', [9, 10, 11, 12, 13, 14]],
      ['R', [15, 16, 17, 18]],
    ]);
  });
  test('image patches: a grid that covers the picture once', () => {
    const patches = imagePatchPlayers(input, { rows: 2, columns: 2 }).filter(({ name }) =>
      name.startsWith('image'),
    );
    expect(named(patches)).toEqual([
      ['image 1: row 1, column 1', [9, 10]],
      ['image 1: row 1, column 2', [11]],
      ['image 1: row 2, column 1', [12, 13]],
      ['image 1: row 2, column 2', [14]],
    ]);
    expect(resolvePlayers(input, 'imagePatches')).toHaveLength(3 + 6);
  });
  test('what a set needs is asked for', () => {
    const { tokens: _, images: __, ...bare } = input;
    expect(() => resolvePlayers(bare, 'words')).toThrow(/need `tokens`/);
    expect(() => resolvePlayers(bare, 'tools')).toThrow(/need `tokens`/);
    expect(() => resolvePlayers(bare, 'imagePatches')).toThrow(/need `images`/);
    expect(() => resolvePlayers({ ...input, tokens: texts.map(() => 'x') }, 'tools')).toThrow(
      /no JSON tool definition/,
    );
    expect(() => resolvePlayers(input, 'letters' as 'words')).toThrow(/Unknown players "letters"/);
  });
});
