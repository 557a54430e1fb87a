import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeReport } from '../../src/report/write-report.js';
import { makeRuns } from './toy-runs.js';

const executable = '/usr/bin/chromium';
/** Screenshots are kept for looking at when this names a folder. */
const screenshots = process.env.IAPO_SCREENSHOTS;

let browser: Browser;
let url: string;
let bytes: number;

beforeAll(async () => {
  if (!existsSync(executable)) {
    throw new Error(`${executable} is missing. Install it with: apt-get install --yes chromium`);
  }
  const { run, others } = await makeRuns();
  const report = await writeReport(run, { compareWith: others });
  url = pathToFileURL(report.path).href;
  bytes = report.bytes;
  browser = await chromium.launch({
    executablePath: executable,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}, 120_000);

afterAll(async () => {
  await browser?.close();
});

async function open(
  colorScheme: 'light' | 'dark',
): Promise<{ page: Page; messages: string[]; requests: string[] }> {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1200, height: 900 } });
  const messages: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => messages.push(message.text()));
  page.on('pageerror', (error) => messages.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url, { waitUntil: 'load' });
  await page.waitForSelector('.chart canvas');
  return { page, messages, requests };
}

test('is small', () => {
  expect(bytes).toBeLessThan(3_000_000);
});

describe.each(['light', 'dark'] as const)('the report in Chromium, %s', (scheme) => {
  test('loads without a message or a request, with hostile text as text', async () => {
    const { page, messages, requests } = await open(scheme);
    expect(messages).toEqual([]);
    expect(requests.filter((request) => !request.startsWith('data:'))).toEqual([url]);
    expect(await page.evaluate('window.harmed')).toBeUndefined();
    expect(await page.evaluate('document.scripts.length')).toBe(2);
    const text = String(await page.evaluate('document.body.innerText'));
    expect(text).toContain('<img src=x onerror=');
    expect(text).not.toContain('\u202e');
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(background).toBe(scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(15, 18, 22)');
    expect(await page.evaluate('document.querySelectorAll("section").length')).toBe(5);
    if (screenshots !== undefined) {
      mkdirSync(screenshots, { recursive: true });
      await page.screenshot({ path: join(screenshots, `report-${scheme}.png`), fullPage: true });
    }
    await page.close();
  });

  test('every text has a contrast of 4.5', async () => {
    const { page } = await open(scheme);
    expect(await lowestContrast(page)).toBeGreaterThan(4.5);
    await page.close();
  });

  test('charts have drawn their curves', async () => {
    const { page } = await open(scheme);
    const colored =
      await page.evaluate(`[...document.querySelectorAll('.chart canvas')].map((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        const [r, g, b, a] = data.subarray(at, at + 4);
        if (a > 128 && Math.max(r, g, b) - Math.min(r, g, b) > 60) count++;
      }
      return count;
    })`);
    expect(Array.isArray(colored) && colored.length).toBeGreaterThan(8);
    for (const count of colored as number[]) expect(count).toBeGreaterThan(100);
    await page.close();
  });
});

describe('by keyboard', () => {
  test('everything that can be used is reached, charts zoom and show all again', async () => {
    const { page } = await open('light');
    const reached = new Set<string>();
    for (let step = 0; step < 40; step++) {
      await page.keyboard.press('Tab');
      reached.add(
        String(
          await page.evaluate(
            'document.activeElement.getAttribute("aria-label") ?? document.activeElement.tagName',
          ),
        ),
      );
    }
    const labels = [...reached].join('\n');
    for (const part of [
      'Accuracy, over steps',
      'Next trajectory',
      'Step',
      'Prompt, shaded by',
      'SUMMARY',
    ]) {
      expect(labels).toContain(part);
    }
    const chart = page.locator('.chart').first();
    await chart.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    const legend = () => chart.locator('.u-legend').textContent();
    expect(await legend()).toMatch(/step[\s\S]*2/);
    const picture = () =>
      chart
        .locator('canvas')
        .evaluate((canvas) => (canvas as unknown as { toDataURL(): string }).toDataURL());
    const whole = await picture();
    await page.keyboard.press('+');
    await expect.poll(picture).not.toBe(whole);
    await page.keyboard.press('0');
    await expect.poll(picture).toBe(whole);
    await page.close();
  });

  test("trajectories are paged through, and the teacher's scores shown", async () => {
    const { page, messages } = await open('light');
    const position = () => page.locator('#trajectories output').textContent();
    expect(await position()).toMatch(/^1 of \d+$/);
    await page.locator('[aria-label="Next trajectory"]').focus();
    await page.keyboard.press('ArrowRight');
    expect(await position()).toMatch(/^2 of/);
    await page.keyboard.press('Enter');
    expect(await position()).toMatch(/^3 of/);
    await page.locator('select').selectOption({ index: 2 });
    const toggle = page.locator('#trajectories button', { hasText: 'teacher’s scores' });
    if (await toggle.isVisible()) {
      await toggle.click();
      expect(await page.locator('.prompt').getAttribute('aria-label')).toMatch(/teacher/);
    }
    expect(await page.locator('#trajectories img').count()).toBeGreaterThan(0);
    expect(await page.locator('#trajectories .overlay rect').count()).toBeGreaterThan(0);
    expect(messages).toEqual([]);
    if (screenshots !== undefined) {
      await page.locator('#trajectories').screenshot({ path: join(screenshots, 'trajectory.png') });
    }
    await page.close();
  });
});

test('a change of the color scheme redraws the charts', async () => {
  const { page } = await open('light');
  const picture = () =>
    page
      .locator('.chart canvas')
      .first()
      .evaluate((canvas) => (canvas as unknown as { toDataURL(): string }).toDataURL());
  const before = await picture();
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(picture).not.toBe(before);
  await page.close();
});

test('a narrow screen shows all without scrolling sideways', async () => {
  const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
  await page.goto(url, { waitUntil: 'load' });
  await page.waitForSelector('.chart canvas');
  const width = Number(await page.evaluate('document.documentElement.scrollWidth'));
  expect(width).toBeLessThanOrEqual(390);
  if (screenshots !== undefined) {
    await page.screenshot({ path: join(screenshots, 'report-narrow.png') });
  }
  await page.close();
});

/** WCAG contrast of every text against what is behind it, computed from what Chromium painted. */
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
    const behind = (element) => element === null ? [] : [...behind(element.parentElement), getComputedStyle(element).backgroundColor];
    const selector = '.t, td, th, dt, dd, .note, .badge, .warning, a, button:not(:disabled), figcaption, .legend li, .value, pre, .outcome';
    return Math.min(...[...document.querySelectorAll(selector)].filter((e) => e.checkVisibility()).map((element) => {
      const layers = behind(element);
      const [a, b] = [luminance(over(layers)), luminance(over([...layers, getComputedStyle(element).color]))];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }));
  })()`;
  return Number(await page.evaluate(script));
}
