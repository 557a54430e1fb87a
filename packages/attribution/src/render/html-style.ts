import { palette, shadeSteps } from './palette.js';

/** The page's style sheet. Everything is a class: the security policy forbids style attributes. */
export function pageStyle(): string {
  const blocks = palette
    .map((_, index) => `.b${index}{--c:var(--c${index})}.block-${index}{fill:var(--c${index})}`)
    .join('');
  // The strongest shade still leaves the text a contrast of 4.5 (WCAG AA), which dark pages reach later.
  const shades = (percentPerStep: number): string =>
    Array.from(
      { length: shadeSteps + 1 },
      (_, step) =>
        `.s${step}{background:color-mix(in srgb,var(--c) ${step * percentPerStep}%,transparent)}`,
    ).join('');
  const colors = (theme: 'light' | 'dark'): string =>
    palette.map((color, index) => `--c${index}:${color[theme]}`).join(';');
  return `:root{color-scheme:light dark;--page:#fff;--ink:#1b1f24;--faint:#59636e;--line:#d0d7de;--panel:#f3f5f7;--positive:#0b57d0;--negative:#b3261e;${colors('light')}}
@media(prefers-color-scheme:dark){:root{--page:#0f1216;--ink:#e6e9ee;--faint:#a0a9b4;--line:#39414b;--panel:#1a1f26;--positive:#6aa5ff;--negative:#ff8a80;${colors('dark')}}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1.5rem;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.4rem;margin:0 0 .5rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0}dt{color:var(--faint)}dd{margin:0;overflow-wrap:anywhere}
.warning{border-left:4px solid var(--negative);padding:.3rem .8rem;background:var(--panel)}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1rem;padding:0;margin:.3rem 0;list-style:none;color:var(--faint)}
.key{display:inline-block;width:.9em;height:.9em;margin-right:.35em;vertical-align:-.1em;background:var(--c);border-radius:2px}
.prompt{white-space:pre-wrap;overflow-wrap:anywhere;font:14px/1.9 ui-monospace,monospace;border:1px solid var(--line);border-radius:6px;padding:.8rem;max-height:32rem;overflow:auto}
.t{border-bottom:2px solid var(--c,transparent);border-radius:2px;padding:.1em 0}.t.n{border-bottom-style:dotted}
.scroll{overflow:auto;max-height:36rem;border:1px solid var(--line);border-radius:6px}
:focus-visible{outline:3px solid var(--positive);outline-offset:2px}
table{border-collapse:collapse;font-size:.9rem}th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:pre}
th:first-child,td:first-child{text-align:left}thead th{position:sticky;top:0;background:var(--panel)}
svg{max-width:100%;height:auto;font:13px system-ui,sans-serif}.ink{fill:var(--ink)}.faint{fill:var(--faint)}.half{fill-opacity:.55}
.panel{fill:var(--panel)}.positive{fill:var(--positive)}.negative{fill:var(--negative)}
summary{cursor:pointer;padding:.3rem 0}
.mono{font-family:ui-monospace,monospace}
${blocks}${shades(5)}
@media(prefers-color-scheme:dark){${shades(3)}}`;
}
