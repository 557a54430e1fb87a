import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { GlobalFonts } from '@napi-rs/canvas';
import { VqaToolError } from '../errors.js';

/**
 * The family to draw with: Inter from @fontsource/inter (OFL-1.1) under names of our own, one for
 * each script, so that no font of the machine is ever used.
 */
export const FONT_FAMILY: string = ['latin', 'latin-ext', 'greek', 'cyrillic', 'vietnamese']
  .map((script) => `IAPO Sans ${script}`)
  .join(', ');

const SCRIPTS = ['latin', 'latin-ext', 'greek', 'cyrillic', 'vietnamese'] as const;
const WEIGHTS = [400, 700] as const;

/**
 * The characters that the five files hold. Others would be drawn with whatever the machine has, so
 * they are replaced.
 */
const COVERED =
  /[^\u0020-\u007e\u00a0-\u02af\u02b9-\u02dd\u0370-\u0377\u037a-\u037f\u0384-\u03ff\u0400-\u045f\u0490\u0491\u1e00-\u1eff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2113\u2116\u2122\u2191\u2193\u2212\u2215]/gu;

let isRegistered = false;

/** Makes the fonts known to the canvas; once. @throws {VqaToolError} `missing-package` without them. */
export function registerFonts(): void {
  if (isRegistered) return;
  const folder = dirname(createRequire(import.meta.url).resolve('@fontsource/inter/package.json'));
  for (const script of SCRIPTS) {
    for (const weight of WEIGHTS) {
      const file = join(folder, 'files', `inter-${script}-${weight}-normal.woff2`);
      if (GlobalFonts.registerFromPath(file, `IAPO Sans ${script}`) === null) {
        throw new VqaToolError(
          'missing-package',
          `The font file ${file} cannot be read; reinstall @fontsource/inter@5.3.0.`,
        );
      }
    }
  }
  isRegistered = true;
}

/** Text as it will be drawn: white space becomes single spaces, characters without a glyph "?". */
export function drawableText(text: string): string {
  return text.normalize('NFC').replace(/\s+/g, ' ').replace(COVERED, '?');
}
