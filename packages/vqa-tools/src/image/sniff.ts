/** What the first bytes of an image file say, without decoding it. */
export interface ImageHeader {
  readonly format: 'png' | 'jpeg' | 'gif' | 'webp' | 'bmp';
  /** As stored, before any EXIF rotation. */
  readonly width: number;
  readonly height: number;
  /** Whether the file has its format's end mark. Always true for formats without one. */
  readonly isComplete: boolean;
}

/**
 * Reads format and size from an image file's header. The file's name plays no part, so a wrong
 * extension does no harm.
 *
 * @returns null for anything that is none of the five formats, or too short to tell.
 */
export function sniffImage(bytes: Uint8Array): ImageHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (startsWith(bytes, '\x89PNG\r\n\x1a\n')) return sniffPng(bytes, view);
    if (bytes[0] === 0xff && bytes[1] === 0xd8) return sniffJpeg(bytes, view);
    if (startsWith(bytes, 'GIF8')) return sniffGif(view);
    if (startsWith(bytes, 'RIFF') && startsWith(bytes, 'WEBP', 8)) return sniffWebp(bytes, view);
    if (startsWith(bytes, 'BM')) return sniffBmp(view);
    return null;
  } catch (error) {
    // DataView throws where the header itself is cut off.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function startsWith(bytes: Uint8Array, text: string, at = 0): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

function sniffPng(bytes: Uint8Array, view: DataView): ImageHeader {
  let at = 8;
  let isComplete = false;
  // Chunks are walked by their lengths; each step moves on by at least 12 bytes.
  while (at + 12 <= bytes.length) {
    if (startsWith(bytes, 'IEND', at + 4)) {
      isComplete = true;
      break;
    }
    at += 12 + view.getUint32(at);
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  return { format: 'png', width, height, isComplete };
}

function sniffJpeg(bytes: Uint8Array, view: DataView): ImageHeader | null {
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) {
      const isComplete = hasJpegEnd(bytes);
      return {
        format: 'jpeg',
        width: view.getUint16(at + 7),
        height: view.getUint16(at + 5),
        isComplete,
      };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

/** The end mark, with up to 64 bytes of padding behind it, as some cameras write. */
function hasJpegEnd(bytes: Uint8Array): boolean {
  for (let at = bytes.length - 2; at >= Math.max(2, bytes.length - 66); at--) {
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
  }
  return false;
}

function sniffGif(view: DataView): ImageHeader {
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)];
  const isComplete = view.getUint8(view.byteLength - 1) === 0x3b;
  return { format: 'gif', width, height, isComplete };
}

function sniffWebp(bytes: Uint8Array, view: DataView): ImageHeader | null {
  const isComplete = bytes.length >= 8 + view.getUint32(4, true);
  const shared = { format: 'webp', isComplete } as const;
  if (startsWith(bytes, 'VP8X', 12)) {
    const width = 1 + (view.getUint32(24, true) & 0xffffff);
    const height = 1 + (view.getUint16(27, true) | (view.getUint8(29) << 16));
    return { ...shared, width, height };
  }
  if (startsWith(bytes, 'VP8L', 12)) {
    const bits = view.getUint32(21, true);
    return { ...shared, width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
  }
  if (startsWith(bytes, 'VP8 ', 12)) {
    const width = view.getUint16(26, true) & 0x3fff;
    return { ...shared, width, height: view.getUint16(28, true) & 0x3fff };
  }
  return null;
}

function sniffBmp(view: DataView): ImageHeader {
  const isComplete = view.byteLength >= view.getUint32(2, true);
  const width = Math.abs(view.getInt32(18, true));
  const height = Math.abs(view.getInt32(22, true));
  return { format: 'bmp', width, height, isComplete };
}
