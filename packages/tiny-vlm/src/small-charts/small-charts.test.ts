import { pixelAt } from '@iapo/vqa-tools';
import { describe, expect, it } from 'vitest';
import { TinyVlmError } from '../errors.js';
import { colorNames, tagColors } from './colors.js';
import { glyphs, letters } from './glyphs.js';
import { headerRow } from './picture.js';
import { identityOf, isHeldOutPair, type SmallChartSplit, SmallCharts } from './small-charts.js';
import { chartToolNames, fitsPicture } from './tools.js';

const mainSplits = ['train', 'validation', 'test'] as const;
const allSplits: SmallChartSplit[] = [...mainSplits, 'more-items', 'unseen-pairs', 'arithmetic'];

describe('SmallCharts', () => {
  it('gives the same task for the same split, seed and index, whatever was asked before', () => {
    const first = new SmallCharts({ split: 'test', seed: 7 });
    const second = new SmallCharts({ split: 'test', seed: 7 });
    second.tasks(5);
    expect(second.task(12)).toEqual(first.task(12));
    expect(first.task(12).id).toBe('small-charts/v1/test/7/12');
    expect(new SmallCharts({ split: 'test', seed: 8 }).task(12).image).not.toEqual(
      first.task(12).image,
    );
  });

  it('never puts a picture and question into two of train, validation and test', () => {
    const seen = new Map<string, string>();
    for (const split of mainSplits) {
      for (const seed of [0, 1]) {
        for (const { content, query: question } of new SmallCharts({ split, seed }).tasks(1500)) {
          const identity = identityOf(content, question);
          expect(seen.get(identity) ?? split).toBe(split);
          seen.set(identity, split);
        }
      }
    }
    expect(seen.size).toBeGreaterThan(8000);
  });

  it('decides the split by the question, not by how it is worded', () => {
    const { content, query: question } = new SmallCharts()
      .tasks(50)
      .find((task) => task.query.references.length === 2)!;
    const reversed = [...question.references].reverse();
    const byOther = reversed.map((reference) => ({
      ...reference,
      by: reference.by === 'color' ? ('label' as const) : ('color' as const),
    }));
    const other = { ...question, references: byOther };
    expect(identityOf(content, other)).toBe(identityOf(content, question));
  });

  it('offers three tools of which at least one fits, and asks about items of the picture', () => {
    for (const split of allSplits) {
      for (const task of new SmallCharts({ split }).tasks(100)) {
        expect(new Set(task.toolNames).size).toBe(3);
        expect(task.toolNames.every((name) => chartToolNames.includes(name))).toBe(true);
        expect(task.toolNames.some((name) => fitsPicture(name, task.content.kind))).toBe(true);
        const labels = task.content.items.map(({ label }) => label);
        expect(task.rightLabels.every((label) => labels.includes(label))).toBe(true);
        expect(new Set(task.content.items.map(({ value }) => value)).size).toBe(labels.length);
        expect(new Set(task.content.items.map(({ color }) => color)).size).toBe(labels.length);
      }
    }
  });

  it('names items by letter or color, one or two of them, about as often', () => {
    const tasks = new SmallCharts().tasks(1000);
    const share = (holds: (task: (typeof tasks)[number]) => boolean): number =>
      tasks.filter(holds).length / tasks.length;
    // A fair coin of 1,000 throws lies within 0.5 ± 0.05 but for one run in 600; the seed is fixed.
    for (const observed of [
      share(({ query }) => query.references.length === 2),
      share(({ content }) => content.kind === 'bars'),
      share(({ query }) => query.references[0]?.by === 'color'),
    ]) {
      expect(Math.abs(observed - 0.5)).toBeLessThan(0.05);
    }
    for (const { request, query } of tasks) {
      for (const { by, label, color } of query.references) {
        expect(request).toMatch(by === 'label' ? new RegExp(`\\b${label}\\b`) : `the ${color} one`);
      }
    }
  });

  it('answers with the values of the items, their sum or their difference', () => {
    for (const { content, query: question, answer } of new SmallCharts({
      split: 'arithmetic',
    }).tasks(60)) {
      const [a = 0, b = 0] = question.references.map(
        ({ label }) => content.items.find((item) => item.label === label)?.value,
      );
      expect(answer).toEqual([question.operation === 'sum' ? a + b : Math.abs(a - b)]);
    }
    for (const { content, rightLabels, answer } of new SmallCharts().tasks(60)) {
      expect(answer).toEqual(
        rightLabels.map((label) => content.items.find((item) => item.label === label)?.value),
      );
    }
  });

  it('keeps pairs of color and letter for the split of unseen pairs', () => {
    for (const split of mainSplits) {
      for (const { content } of new SmallCharts({ split }).tasks(300)) {
        expect(content.items.some(({ label, color }) => isHeldOutPair(label, color))).toBe(false);
      }
    }
    for (const { query } of new SmallCharts({ split: 'unseen-pairs' }).tasks(100)) {
      const asked = query.references.map(({ label, color }) => isHeldOutPair(label, color));
      expect(asked).toContain(true);
    }
    const pairs = letters.flatMap((letter) =>
      colorNames.map((color) => isHeldOutPair(letter, color)),
    );
    expect(pairs.filter(Boolean)).toHaveLength(12);
  });

  it.each([
    () => new SmallCharts({ split: 'training' as SmallChartSplit }),
    () => new SmallCharts().task(-1),
    () => new SmallCharts().task(0.5),
  ])('refuses what does not exist', (ask) => {
    expect(ask).toThrow(TinyVlmError);
  });
});

describe('pictures', () => {
  it('have boxes that hold all ink of their item and nothing of another', () => {
    for (const split of allSplits) {
      for (const { image, metadata, content } of new SmallCharts({ split }).tasks(15)) {
        expect([image.width, image.height].map((side) => side % 16)).toEqual([0, 0]);
        const boxes = (content.kind === 'bars' ? metadata.xValues : metadata.rows) ?? [];
        expect(boxes.map(({ label }) => label).filter((label) => label !== headerRow)).toEqual(
          content.items.map(({ label }) => label),
        );
        const wrong: string[] = [];
        for (let y = 0; y < image.height; y++) {
          for (let x = 0; x < image.width; x++) {
            const holders = boxes.filter(
              ({ box }) => x >= box.x1 && x <= box.x2 && y >= box.y1 && y <= box.y2,
            ).length;
            const isInk = pixelAt(image, x, y).some((value) => value !== 255);
            if (holders > 1 || (isInk && holders === 0)) wrong.push(`(${x}, ${y})`);
          }
        }
        expect(wrong).toEqual([]);
      }
    }
  });

  it('show each letter and digit as its glyph, a white letter on its color', () => {
    const { image, content } = new SmallCharts()
      .tasks(50)
      .find((task) => task.content.kind === 'bars')!;
    for (const [index, { label, color, value }] of content.items.entries()) {
      const read = (left: number, top: number, isOn: (color: readonly number[]) => boolean) =>
        Array.from({ length: 7 }, (_, y) =>
          Array.from({ length: 5 }, (_, x) =>
            isOn(pixelAt(image, index * 16 + left + x, top + y)) ? '#' : '.',
          ).join(''),
        );
      const isWhite = (pixel: readonly number[]) => pixel.every((channel) => channel === 255);
      expect(read(6, 53, isWhite)).toEqual(glyphs[label]);
      expect(read(3, 5, (pixel) => !isWhite(pixel))).toEqual(glyphs[String(value)[0]!]);
      expect(read(9, 5, (pixel) => !isWhite(pixel))).toEqual(glyphs[String(value)[1]!]);
      expect(pixelAt(image, index * 16 + 2, 50)).toEqual(tagColors[color]);
    }
  });

  it('use glyphs that differ from each other', () => {
    const drawn = Object.values(glyphs).map((rows) => rows.join('\n'));
    expect(new Set(drawn).size).toBe(drawn.length);
    for (const rows of Object.values(glyphs)) {
      expect(rows).toHaveLength(7);
      for (const row of rows) expect(row).toMatch(/^[.#]{5}$/);
    }
  });
});
