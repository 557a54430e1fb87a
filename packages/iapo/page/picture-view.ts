import type { PageExplanation, PagePicture } from '../src/report/page-data';
import { drawing, element, show } from './dom';

/** Small pictures are drawn larger, with sharp pixels. */
const leastWidth = 240;

/** A picture, with the scores of its tokens over it where there are any. */
export function pictureView(
  picture: PagePicture,
  caption: string,
  overlay: PageExplanation['overlays'][number] | null,
): HTMLElement {
  const { url, width, height } = picture;
  const scale = Math.max(1, Math.ceil(leastWidth / width));
  const image = element('img', {
    attributes: {
      src: url,
      alt: caption,
      width: String(width * scale),
      height: String(height * scale),
    },
  });
  const layers: Node[] = [image];
  if (overlay !== null) {
    const largest = Math.max(0, ...overlay.scores.map(Math.abs));
    const cells = overlay.scores.map((score, index) => {
      const [row, column] = [Math.floor(index / overlay.columns), index % overlay.columns];
      return drawing(
        'rect',
        {
          class: score < 0 ? 'negative' : 'positive',
          attributes: {
            x: String(column),
            y: String(row),
            width: '1',
            height: '1',
            'fill-opacity': String(largest === 0 ? 0 : (0.65 * Math.abs(score)) / largest),
          },
        },
        [drawing('title', { text: `row ${row + 1}, column ${column + 1}: ${show(score)} nats` })],
      );
    });
    layers.push(
      drawing(
        'svg',
        {
          class: 'overlay',
          attributes: {
            viewBox: `0 0 ${overlay.columns} ${overlay.rows}`,
            preserveAspectRatio: 'none',
            role: 'img',
            'aria-label': 'Scores of the picture’s tokens',
          },
        },
        cells,
      ),
    );
  }
  return element('figure', { class: 'picture' }, [
    element('div', { class: 'layers' }, layers),
    element('figcaption', { text: caption }),
  ]);
}
