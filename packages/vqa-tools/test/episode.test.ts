import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  createRaster,
  defineTool,
  type EpisodePolicy,
  type EpisodeTask,
  hashPixels,
  loadTrajectory,
  pixelAt,
  renderChart,
  replayEpisode,
  runEpisode,
  saveTrajectory,
  scorers,
  scriptedPolicy,
  showTrajectory,
  visualTools,
} from '../src/index.js';

const image = createRaster(40, 30, { color: [10, 20, 30] });
const task: EpisodeTask = {
  id: 'task-1',
  messages: [
    {
      role: 'user',
      content: [
        { type: 'image', image },
        { type: 'text', text: 'Which row?' },
      ],
    },
  ],
  metadata: {
    kind: 'table',
    units: 'pixels',
    columns: [
      { label: 'A', box: { x1: 0, y1: 0, x2: 20, y2: 30 } },
      { label: 'B', box: { x1: 20, y1: 0, x2: 40, y2: 30 } },
    ],
    rows: [
      { label: 'head', box: { x1: 0, y1: 0, x2: 40, y2: 10 } },
      { label: '1', box: { x1: 0, y1: 10, x2: 40, y2: 30 } },
    ],
  },
};
const hermes = (name: string, args: object): string =>
  `<tool_call>${JSON.stringify({ name, arguments: args })}</tool_call>`;
const mask = hermes('focus_on_columns_with_mask', { columns_to_focus_on: ['A'] });

describe('runEpisode', () => {
  it('renders a chart, calls a tool, answers and is scored', async () => {
    const table = {
      columns: ['Year', 'Sales'],
      rows: [
        ['2019', '3'],
        ['2020', '8'],
        ['2021', '5'],
      ],
    };
    const chart = await renderChart(table, { kind: 'v_bar' });
    const trajectory = await runEpisode(
      scriptedPolicy([
        hermes('focus_on_x_values_with_draw', { x_values_to_focus_on: ['2020'] }),
        'FINAL ANSWER: 8. TERMINATE',
      ]),
      {
        id: 'chart',
        metadata: chart.metadata,
        messages: [{ role: 'user', content: [{ type: 'image', image: chart.image }] }],
      },
    );
    expect(trajectory).toMatchObject({
      end: 'answer',
      counts: { attempted: 1, calls: 1, failedCalls: 0, failedParses: 0 },
    });
    const box = chart.metadata.xValues?.[1]?.box;
    expect(
      pixelAt(
        trajectory.images[1] ?? image,
        Math.round(box?.x1 ?? 0),
        Math.round(box?.y1 ?? 0) + 20,
      ),
    ).toEqual([255, 0, 0]);
    expect(scorers['vtool-rule'].score({ prediction: trajectory.answer, answers: '8' }).score).toBe(
      1,
    );
  });

  it('keeps every token with its author, log-probability and mask', async () => {
    const { segments, promptTokenIds, counts } = await runEpisode(
      scriptedPolicy([mask, 'A']),
      task,
    );
    expect(String.fromCharCode(...promptTokenIds)).toBe('<image>Which row?');
    expect(segments.map(({ author, turn }) => [author, turn])).toEqual([
      ['model', 0],
      ['tool', 0],
      ['model', 1],
    ]);
    for (const { author, text, tokenIds, logprobs, mask: ones } of segments) {
      expect([logprobs.length, ones.length]).toEqual([tokenIds.length, tokenIds.length]);
      expect(new Set(ones)).toEqual(new Set([author === 'model' ? 1 : 0]));
      if (author === 'model') expect(String.fromCharCode(...tokenIds)).toBe(text);
    }
    const model = segments
      .filter(({ author }) => author === 'model')
      .flatMap(({ tokenIds }) => tokenIds);
    expect(counts.modelTokens).toBe(model.length);
  });

  it('chains the images of several Python statements and shows the displayed one', async () => {
    const code =
      '```python\na = focus_on_columns_with_mask(image_1, ["A"], columns_bbox)\nb = focus_on_rows_with_draw(a, ["1"], rows_bbox)\ndisplay(b)\n```';
    const { images, turns } = await runEpisode(scriptedPolicy([code, 'x']), task, {
      dialect: 'vtool-python',
    });
    expect(images).toHaveLength(3);
    // Masked by the first call, outlined by the second.
    expect(pixelAt(images[2] ?? image, 30, 5)).toEqual([255, 255, 255]);
    expect(pixelAt(images[2] ?? image, 30, 28)).toEqual([255, 0, 0]);
    expect(turns[0]?.calls.map(({ outcome }) => outcome.ok && outcome.imageIndex)).toEqual([1, 2]);
  });

  it.each([
    [
      'a tool that fails',
      hermes('focus_on_rows_with_draw', { rows_to_focus_on: ['none'] }),
      { failedCalls: 1, failedParses: 0 },
      /no region "none"/,
    ],
    ['a broken call', '<tool_call>{"name": ', { failedCalls: 0, failedParses: 1 }, /malformed/],
    ['an unknown tool', hermes('exec', {}), { failedCalls: 0, failedParses: 1 }, /unknown-tool/],
    [
      'bad arguments',
      hermes('flip', { direction: 'up' }),
      { failedCalls: 0, failedParses: 1 },
      /bad-arguments/,
    ],
  ])('tells the model about %s and counts it', async (_name, text, counts, message) => {
    const trajectory = await runEpisode(scriptedPolicy([text, 'done']), task, {
      profile: 'vtool-v1',
    });
    expect(trajectory).toMatchObject({
      end: 'answer',
      answer: 'done',
      counts: { attempted: 1, ...counts },
    });
    expect(trajectory.segments[1]?.text).toMatch(message);
  });

  it('counts a tool that throws anything as failed', async () => {
    const broken = defineTool({
      name: 'broken',
      description: 'Fails.',
      inputSchema: z.object({}),
      run() {
        throw new TypeError('no luck');
      },
    });
    const { turns } = await runEpisode(scriptedPolicy([hermes('broken', {}), 'x']), task, {
      tools: { broken },
    });
    expect(turns[0]?.calls[0]?.outcome).toEqual({
      ok: false,
      code: 'tool-failed',
      message: 'no luck',
    });
  });

  it('ends at the limits of turns, tokens and time', async () => {
    expect(await runEpisode(scriptedPolicy([mask, mask]), task)).toMatchObject({
      end: 'max-turns',
      answer: null,
    });
    const short = await runEpisode(scriptedPolicy([mask, 'A']), task, { maxTokens: 20 });
    expect(short).toMatchObject({ end: 'max-tokens', answer: null, counts: { modelTokens: 20 } });
    const noRoom = await runEpisode(scriptedPolicy([mask, 'A']), task, {
      maxTokens: mask.length + 5,
    });
    expect(noRoom).toMatchObject({ end: 'max-tokens', counts: { toolTokens: 0 } });
    const waiting: EpisodePolicy = {
      begin: async () => ({
        promptTokenIds: [],
        generate: ({ signal }) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        observe: async () => [],
      }),
    };
    expect(await runEpisode(waiting, task, { timeoutMs: 20 })).toMatchObject({
      end: 'time-limit',
      turns: [],
    });
    const controller = new AbortController();
    const running = runEpisode(waiting, task, { signal: controller.signal });
    controller.abort(new Error('stop'));
    await expect(running).rejects.toThrow('stop');
    await expect(runEpisode(waiting, task, { maxTurns: 0 })).rejects.toMatchObject({
      code: 'bad-argument',
    });
  });

  it("passes on a policy's own error: a broken model is no wrong answer", async () => {
    const failing: EpisodePolicy = {
      begin: async () => {
        throw new Error('no model');
      },
    };
    await expect(runEpisode(failing, task)).rejects.toThrow('no model');
  });

  it('gives the same trajectory twice and in parallel, and leaves the input alone', async () => {
    const before = hashPixels(image);
    const once = async () =>
      JSON.stringify(
        saveTrajectory(await runEpisode(scriptedPolicy([mask, 'A']), task, { seed: 3 })),
      );
    const first = await once();
    expect(await Promise.all(Array.from({ length: 8 }, once))).toEqual(
      Array.from({ length: 8 }, () => first),
    );
    expect(hashPixels(image)).toBe(before);
  });
});

describe('trajectories', () => {
  it('are saved, loaded, replayed and shown', async () => {
    const trajectory = await runEpisode(scriptedPolicy([mask, 'It is <b>A</b>']), task);
    const saved = JSON.parse(JSON.stringify(saveTrajectory(trajectory)));
    const loaded = await loadTrajectory(saved);
    expect(loaded).toEqual(trajectory);
    expect(await replayEpisode(loaded, task)).toEqual([]);
    const html = showTrajectory(loaded);
    expect(html).toContain('It is &lt;b&gt;A&lt;/b&gt;');
    expect(html.match(/<img /g)).toHaveLength(2);
    expect(html).not.toMatch(/https?:/);
  });

  it('show where a replay differs, and refuse changed images', async () => {
    const trajectory = await runEpisode(scriptedPolicy([mask, 'A']), task);
    const differences = await replayEpisode(trajectory, task, {
      tools: { focus_on_columns_with_mask: visualTools.focus_on_columns_with_mask },
      profile: 'vtool-v1',
    });
    expect(differences).toMatchObject([{ what: 'image', index: 1 }]);
    const saved = saveTrajectory(trajectory);
    const forged = {
      ...saved,
      images: [saved.images[1], saved.images[1]].map((one) => ({ ...one, sha256: '00' })),
    };
    await expect(loadTrajectory(forged)).rejects.toMatchObject({ code: 'bad-image' });
    await expect(loadTrajectory({ version: 2 })).rejects.toMatchObject({ code: 'bad-row' });
  });
});
