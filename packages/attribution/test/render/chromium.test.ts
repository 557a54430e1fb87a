import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderAttribution } from '../../src/render/render-attribution.js';
import { explainSample } from './sample-results.js';

const executable = '/usr/bin/chromium';
const folder = mkdtempSync(join(tmpdir(), 'attribution-page-'));
/** Screenshots are kept for looking at when this names a folder. */
const screenshots = process.env.IAPO_SCREENSHOTS;

let browser: Browser;

beforeAll(async () => {
  if (!existsSync(executable)) {
    throw new Error(`${executable} is missing. Install it with: apt-get install --yes chromium`);
  }
  browser = await chromium.launch({
    executablePath: executable,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}, 60_000);

afterAll(async () => {
  await browser?.close();
});

interface Visit {
  readonly page: Page;
  readonly messages: string[];
  readonly requests: string[];
}

async function visit(html: string, colorScheme: 'light' | 'dark'): Promise<Visit> {
  const path = join(folder, `${colorScheme}.html`);
  writeFileSync(path, html);
  const page = await browser.newPage({ colorScheme, viewport: { width: 1100, height: 900 } });
  const messages: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => messages.push(message.text()));
  page.on('pageerror', (error) => messages.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(pathToFileURL(path).href, { waitUntil: 'load' });
  return { page, messages, requests };
}

describe.each(['light', 'dark'] as const)('the page in Chromium, %s', (scheme) => {
  test('loads without a console message or a request, and is readable', async () => {
    const html = renderAttribution(await explainSample(1), {
      format: 'html',
      teacher: await explainSample(2),
    });
    const { page, messages, requests } = await visit(html, scheme);
    expect(messages).toEqual([]);
    expect(requests.filter((url) => !url.startsWith('data:') && !url.startsWith('file:'))).toEqual(
      [],
    );
    expect(requests.filter((url) => url.startsWith('file:'))).toHaveLength(1);
    expect(await page.evaluate('document.scripts.length')).toBe(0);
    // The style sheet passed the policy: the page has the theme's background and the blocks their colors.
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(background).toBe(scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(15, 18, 22)');
    expect(await lowestContrast(page)).toBeGreaterThan(4.5);
    expect(
      await page.evaluate('[...document.images, ...document.querySelectorAll("image")].length'),
    ).toBe(1);
    if (screenshots !== undefined) {
      mkdirSync(screenshots, { recursive: true });
      await page.screenshot({ path: join(screenshots, `${scheme}.png`), fullPage: true });
    }
    await page.close();
  });

  test('can be walked through with the keyboard', async () => {
    const html = renderAttribution(await explainSample(1), { format: 'html' });
    const { page } = await visit(html, scheme);
    const reached: string[] = [];
    for (let step = 0; step < 5; step++) {
      await page.keyboard.press('Tab');
      reached.push(
        String(
          await page.evaluate(
            'document.activeElement.getAttribute("aria-label") ?? document.activeElement.tagName',
          ),
        ),
      );
    }
    expect(reached).toEqual(
      expect.arrayContaining(['Explained completion', 'Prompt, shaded by score', 'SUMMARY']),
    );
    await page.evaluate('document.querySelector("summary").focus()');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.querySelector("details").open')).toBe(true);
    await page.close();
  });
});

test('the figure opens as a picture', async () => {
  const svg = renderAttribution(await explainSample(1), {
    format: 'svg',
    teacher: await explainSample(2),
  });
  const path = join(folder, 'figure.svg');
  writeFileSync(path, svg);
  const page = await browser.newPage({ viewport: { width: 800, height: 900 } });
  const messages: string[] = [];
  page.on('console', (message) => messages.push(message.text()));
  await page.goto(pathToFileURL(path).href);
  expect(messages).toEqual([]);
  expect(await page.evaluate('document.documentElement.tagName')).toBe('svg');
  expect(await page.evaluate('document.querySelector("parsererror") === null')).toBe(true);
  if (screenshots !== undefined) {
    const frame = await browser.newPage({ viewport: { width: 800, height: 900 } });
    await frame.setContent(
      `<img src="data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}">`,
    );
    await frame.screenshot({ path: join(screenshots, 'figure.png') });
  }
  await page.close();
});

/** WCAG contrast of every shaded token against the page, computed from what Chromium painted. */
async function lowestContrast(page: Page): Promise<number> {
  const script = `(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const over = (colors) => {
      canvas.clearRect(0, 0, 1, 1);
      for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
      return canvas.getImageData(0, 0, 1, 1).data;
    };
    const luminance = (data) => [0, 1, 2].map((i) => data[i] / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const page = getComputedStyle(document.body).backgroundColor;
    return Math.min(...[...document.querySelectorAll('.t, td, dt, .legend li')].map((element) => {
      const style = getComputedStyle(element);
      const [a, b] = [luminance(over([page, style.backgroundColor])), luminance(over([page, style.color]))];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }));
  })()`;
  return Number(await page.evaluate(script));
}
