const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand in HTML and SVG, in content and in quoted attributes. */
export function escapeMarkup(text: string): string {
  return revealControls(text).replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/**
 * Makes control characters visible: model text must neither drive a terminal (escape sequences) nor reorder a page
 * (bidirectional overrides). Line breaks and tabs stay.
 */
export function revealControls(text: string): string {
  return text.replace(hidden, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd';
  });
}

/** C0 controls but tab and line feed, delete, C1, directional marks and overrides, halves of surrogate pairs. */
const hidden: RegExp = new RegExp(
  '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]' +
    '|[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]',
  'g',
);

/** A `data:` URL of a raster picture, or `null`: anything else could make a request or run code. */
export function safeImageUrl(url: string | undefined): string | null {
  const isSafe =
    url !== undefined && /^data:image\/(png|jpeg|webp|gif|avif);base64,[A-Za-z0-9+/=]+$/.test(url);
  return isSafe ? url : null;
}

/** Short number for people: 3 significant digits, a real minus sign. */
export function formatScore(score: number | null): string {
  if (score === null) return '–';
  const text =
    Math.abs(score) >= 1e5 || (score !== 0 && Math.abs(score) < 1e-4)
      ? score.toExponential(2)
      : `${Number(score.toPrecision(3))}`;
  return text.replace('-', '−');
}

/** A share as a percentage. */
export function formatShare(share: number | null): string {
  return share === null ? '–' : `${(share * 100).toFixed(1)} %`;
}
