/**
 * GPT-2's way to write bytes as visible characters: printable ones of Latin-1 stand for themselves, the others for the
 * characters from U+0100 on.
 */
const bytesByCharacter: ReadonlyMap<string, number> = (() => {
  const map = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isVisible =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    map.set(String.fromCharCode(isVisible ? byte : next++), byte);
  }
  return map;
})();

/** Bytes of a token of a byte-level tokenizer. */
export function byteLevelBytes(token: string): Uint8Array {
  return Uint8Array.from(token, (character) => bytesByCharacter.get(character) ?? 0);
}

/** Bytes of a token of a SentencePiece-like tokenizer: `▁` is a space, `<0xE2>` a byte. */
export function pieceBytes(token: string): Uint8Array {
  const byte = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
  if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
  return new TextEncoder().encode(token.replaceAll('\u2581', ' '));
}

/**
 * Text of the bytes of several tokens.
 *
 * @param hasByteFallback Tokenizers with byte tokens turn each byte of a broken run into U+FFFD; byte-level ones turn
 *   each broken sequence into one.
 */
export function decodeBytes(tokens: readonly Uint8Array[], hasByteFallback: boolean): string {
  if (!hasByteFallback)
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(tokens));
  let text = '';
  let run: Uint8Array[] = [];
  const flush = (): void => {
    if (run.length === 0) return;
    try {
      text += new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(run));
    } catch {
      text += '\ufffd'.repeat(run.length);
    }
    run = [];
  };
  for (const bytes of tokens) {
    // Only byte tokens hold part of a character; of those, one byte alone may be ASCII as well.
    if (bytes.length === 1 && bytes[0]! >= 0x80) run.push(bytes);
    else {
      flush();
      text += new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    }
  }
  flush();
  return text;
}
