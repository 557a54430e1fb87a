import { encodePng } from '../image/encode-png.js';
import type { Trajectory } from './trajectory.js';

/**
 * A trajectory as a self-contained HTML page: each turn's text, its calls and their outcomes, and
 * the images. All text is escaped and nothing is loaded from outside.
 */
export function showTrajectory(trajectory: Trajectory): string {
  const { taskId, end, answer, counts, images, taskImages, turns } = trajectory;
  const picture = (index: number): string => {
    const image = images[index];
    if (image === undefined) return '';
    const base64 = Buffer.from(encodePng(image)).toString('base64');
    return `<img alt="image ${index + 1}" src="data:image/png;base64,${base64}">`;
  };
  const turnHtml = turns.map(({ turn, text, parse, calls }) => {
    const failure =
      parse.failure === null
        ? ''
        : `<p>${escapeHtml(`${parse.failure.kind}: ${parse.failure.message}`)}</p>`;
    const callHtml = calls.map(({ call, outcome }) => {
      const result = outcome.ok ? (outcome.text ?? '') : `${outcome.code}: ${outcome.message}`;
      const image = outcome.ok && outcome.imageIndex !== null ? picture(outcome.imageIndex) : '';
      return `<p><code>${escapeHtml(`${call.name} ${JSON.stringify(call.arguments)}`)}</code> ${escapeHtml(result)}</p>${image}`;
    });
    return `<h2>Turn ${turn + 1}</h2><pre>${escapeHtml(text)}</pre>${failure}${callHtml.join('')}`;
  });
  const pictures = Array.from({ length: taskImages }, (_, index) => picture(index));
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">`,
    `<title>${escapeHtml(taskId)}</title>`,
    '<style>body{font:15px sans-serif;max-width:60em;margin:2em auto}pre{white-space:pre-wrap;background:#f4f4f4;padding:1em}img{max-width:100%;border:1px solid #ccc}</style>',
    `</head><body><h1>${escapeHtml(taskId)}</h1>`,
    `<p>End: ${end}. Answer: ${escapeHtml(answer ?? 'none')}. Calls: ${counts.calls}, failed: ${counts.failedCalls}.</p>`,
    ...pictures,
    ...turnHtml,
    '</body></html>',
  ].join('\n');
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
