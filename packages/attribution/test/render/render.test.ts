import { describe, expect, test } from 'vitest';
import { renderAttribution } from '../../src/render/render-attribution.js';
import { explainLong, explainSample, sampleInput, tinyPicture } from './sample-results.js';

describe('html', () => {
  test('escapes what the model and the prompt say', async () => {
    const html = renderAttribution(await explainSample(1), { format: 'html' });
    expect(html).not.toContain('<script');
    expect(html).not.toContain('<b>');
    expect(html).toContain('&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(html).not.toContain('\u202e');
    expect(html).not.toContain('\u001b');
  });

  test('forbids everything but its own style sheet and data pictures', async () => {
    const html = renderAttribution(await explainSample(1), { format: 'html' });
    expect(html).toMatch(
      /content="default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; img-src data:; base-uri 'none'; form-action 'none'"/,
    );
    expect(html).not.toMatch(/ style="/);
    expect(html).not.toMatch(/(src|href)="(?!data:)/);
  });

  test('draws student and teacher with their divergence, the picture and the matrix', async () => {
    const [student, teacher] = [await explainSample(1), await explainSample(2)];
    const html = renderAttribution(student, { format: 'html', teacher });
    expect(html).toMatch(/KL\(student ‖ teacher\) [\d.]+ nats, Jensen–Shannon [\d.]+ nats/);
    expect(html).toContain(`<image href="${tinyPicture.replaceAll('=', '=')}"`);
    expect(html.match(/<th scope="row"/g)).toHaveLength(sampleInput.completion.length);
  });

  test('refuses picture addresses that could make a request', async () => {
    const result = await explainSample(1);
    const images = [{ firstToken: 4, rows: 3, columns: 4, dataUrl: 'https://example.org/a.png' }];
    expect(renderAttribution({ ...result, images }, { format: 'html' })).not.toContain(
      'example.org',
    );
    const svg = [{ firstToken: 4, rows: 3, columns: 4, dataUrl: 'data:image/svg+xml;base64,AAAA' }];
    expect(renderAttribution({ ...result, images: svg }, { format: 'html' })).not.toContain(
      'svg+xml',
    );
  });

  test.each([10, 1000, 5000, 100_000])('stays below 300 KB for %i tokens', async (tokens) => {
    const html = renderAttribution(await explainLong(tokens), { format: 'html' });
    expect(Buffer.byteLength(html)).toBeLessThan(300_000);
    expect(html).toContain('chart');
  });

  test('says when the shares mean nothing', async () => {
    const result = await explainSample(1);
    const html = renderAttribution(
      { ...result, degenerate: 'all scores are 0' },
      { format: 'html' },
    );
    expect(html).toContain('The distribution is degenerate: all scores are 0.');
  });

  test('gives the same bytes for the same result', async () => {
    const options = { format: 'html' } as const;
    expect(renderAttribution(await explainSample(1), options)).toBe(
      renderAttribution(await explainSample(1), options),
    );
  });
});

describe('ansi', () => {
  test('shows blocks, prompt and matrix without letting the text drive the terminal', async () => {
    const text = renderAttribution(await explainSample(1), { format: 'ansi', color: false });
    expect(text).not.toContain('\u001b');
    expect(text).toContain('␛[31m');
    expect(text).toMatch(/^P +[█·]{30} [\d.]+ %/m);
    expect(text).toContain('completion token');
  });

  test('colors when asked to, and resets every color', async () => {
    const text = renderAttribution(await explainSample(1), {
      format: 'ansi',
      teacher: await explainSample(2),
    });
    const codes = text.split('\u001b[').slice(1);
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.length % 2).toBe(0);
    expect(codes.every((code, index) => code.startsWith('0m') === (index % 2 === 1))).toBe(true);
  });
});

test('svg is well-formed enough to be read back, without references to the outside', async () => {
  const svg = renderAttribution(await explainSample(1), {
    format: 'svg',
    teacher: await explainSample(2),
  });
  expect(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg"')).toBe(true);
  expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:/);
  const open = svg.match(/<(g|svg|text|style|title)[ >]/g)?.length;
  expect(svg.match(/<\/(g|svg|text|style|title)>/g)?.length).toBe(open);
});

test('an unknown format is refused with the known ones', async () => {
  const result = await explainSample(1);
  // @ts-expect-error pdf is not a format
  expect(() => renderAttribution(result, { format: 'pdf' })).toThrow(
    'Unknown format "pdf". Known: html, ansi, svg.',
  );
});
