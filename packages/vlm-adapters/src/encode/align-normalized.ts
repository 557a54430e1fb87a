/** For each byte of a text, where its character stands. */
export interface ByteAlignment {
  /** Index of the character that the byte belongs to. */
  readonly owners: Int32Array;
  /** The same for a character's first byte; behind the character for the others. */
  readonly starts: Int32Array;
}

/**
 * For each byte of a text's normalized form in UTF-8, where in the text the character stands from which it comes.
 *
 * Unicode's normal forms change a character together with the marks (and, of Korean syllables, the vowels and finals)
 * that follow it, and nothing beyond them; so the text is normalized group by group. Where that gives another result than the whole (an unusual normalization), the
 * whole text counts as one group.
 *
 * @param hasSpaceMark `▁` in the normalized form is a space of the text, and one byte.
 * @returns UTF-16 indices.
 */
export function alignNormalized(
  text: string,
  normalize: (part: string) => string,
  hasSpaceMark: boolean,
): ByteAlignment {
  const whole = normalize(text);
  let groups: readonly string[] = text.match(/\P{M}?[\p{M}\u1160-\u11ff]*/gsu) ?? [];
  if (groups.map(normalize).join('') !== whole) groups = [text];
  const owners: number[] = [];
  const starts: number[] = [];
  let start = 0;
  for (const group of groups) {
    const normalized = normalize(group);
    const isSameLength = normalized.length === group.length;
    let inner = 0;
    for (const character of normalized) {
      const written = hasSpaceMark && character === '\u2581' ? ' ' : character;
      const length = Buffer.byteLength(written);
      // Of a group that changed, its first character stands for all of it.
      const first = isSameLength ? inner : inner === 0 ? 0 : group.length;
      const behind = isSameLength ? inner + character.length : group.length;
      for (let byte = 0; byte < length; byte++) {
        // Of a character that has become several, the later ones belong to what came before.
        owners.push(start + Math.min(first, group.length - 1));
        starts.push(start + (byte === 0 ? first : behind));
      }
      inner += character.length;
    }
    start += group.length;
  }
  return { owners: Int32Array.from(owners), starts: Int32Array.from(starts) };
}
