/** Builds elements. Text only ever goes in as text, so that nothing of a run can become markup. */

interface ElementOptions {
  readonly class?: string;
  readonly text?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  options: ElementOptions = {},
  children: readonly Node[] = [],
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  fill(node, options, children);
  return node;
}

export function drawing<K extends keyof SVGElementTagNameMap>(
  tag: K,
  options: ElementOptions = {},
  children: readonly Node[] = [],
): SVGElementTagNameMap[K] {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  fill(node, options, children);
  return node;
}

function fill(node: Element, options: ElementOptions, children: readonly Node[]): void {
  if (options.class !== undefined) node.setAttribute('class', options.class);
  for (const [name, value] of Object.entries(options.attributes ?? {})) {
    node.setAttribute(name, value);
  }
  if (options.text !== undefined) node.textContent = reveal(options.text);
  node.append(...children);
}

/** C0 controls but tab and line feed, delete, C1, directional marks and overrides. */
const hidden: RegExp = new RegExp(
  '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f' +
    '\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]',
  'g',
);

/** Makes control characters visible: a model's text must not reorder the page. */
function reveal(text: string): string {
  return text.replace(hidden, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd';
  });
}

/** A section with its heading. */
export function section(id: string, title: string, children: readonly Node[]): HTMLElement {
  return element('section', { attributes: { id } }, [element('h2', { text: title }), ...children]);
}

/** A number for people; a real minus sign. */
export function show(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const magnitude = Math.abs(value);
  const text =
    value !== 0 && (magnitude < 1e-3 || magnitude >= 1e5)
      ? value.toExponential(2)
      : String(Number(value.toPrecision(4)));
  return text.replace('-', '−');
}

/** A table with a header row; the first column is a heading. */
export function table(
  caption: string,
  header: readonly string[],
  rows: readonly (readonly string[])[],
): HTMLElement {
  const head = element(
    'tr',
    {},
    header.map((text) => element('th', { text, attributes: { scope: 'col' } })),
  );
  const body = rows.map((row) =>
    element(
      'tr',
      {},
      row.map((text, column) =>
        column === 0
          ? element('th', { text, attributes: { scope: 'row' } })
          : element('td', { text }),
      ),
    ),
  );
  return element(
    'div',
    { class: 'scroll', attributes: { tabindex: '0', role: 'region', 'aria-label': caption } },
    [
      element('table', {}, [
        element('caption', { text: caption }),
        element('thead', {}, [head]),
        element('tbody', {}, body),
      ]),
    ],
  );
}
