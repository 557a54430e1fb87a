/** Decoded pixels: 8 bits, rows from the top, no alpha. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]`. */
  readonly data: Uint8Array;
}

/** Width and height in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** The part of a picture from (`left`, `top`) on; what lies outside the picture is left off. */
export function cropImage(
  image: RgbImage,
  box: { readonly left: number; readonly top: number } & ImageSize,
): RgbImage {
  const width = Math.min(box.width, image.width - box.left);
  const height = Math.min(box.height, image.height - box.top);
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const start = ((box.top + row) * image.width + box.left) * 3;
    data.set(image.data.subarray(start, start + width * 3), row * width * 3);
  }
  return { width, height, data };
}
