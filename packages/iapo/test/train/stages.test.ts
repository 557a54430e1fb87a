import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sgd } from '@iapo/rl-core';
import { describe, expect, test } from 'vitest';
import {
  type StageEvent,
  type TrainStagesOptions,
  trainStages,
} from '../../src/train/train-stages.js';
import { type ToyPrompt, toyAgent } from '../models/toy-agent.js';
import { contentOf } from './run-content.js';
import { toyOptions } from './toy-run.js';

const newFolder = (): string => join(mkdtempSync(join(tmpdir(), 'iapo-stages-')), 'run');
const names = ['teacher', 'coldStart', 'iapo'] as const;

function options(
  runFolder: string,
  more: Partial<TrainStagesOptions<ToyPrompt>> = {},
): TrainStagesOptions<ToyPrompt> {
  const {
    optimizer: _,
    teacher: __,
    runFolder: ___,
    ...shared
  } = toyOptions({
    reward: { lambda: 0.1 },
    checkpointEvery: 1,
  });
  return {
    ...shared,
    teacher: toyAgent('toy teacher', { favorsCalls: 3, knowsLabels: 2, readsGray: 4 }),
    newOptimizer: () => new Sgd(),
    stages: { teacher: { steps: 3 }, coldStart: { steps: 2 }, iapo: { steps: 2 } },
    runFolder,
    ...more,
  };
}

async function collect(run: TrainStagesOptions<ToyPrompt>): Promise<StageEvent[]> {
  const events: StageEvent[] = [];
  for await (const event of trainStages(run)) events.push(event);
  return events;
}

describe('stages', () => {
  test('run in the order of the paper; only the last explains', async () => {
    const events = await collect(options(newFolder()));
    const ends = events.filter(({ event }) => event.type === 'step-end');
    expect(ends.map(({ stage }) => stage)).toEqual([
      ...['teacher', 'teacher', 'teacher', 'coldStart', 'coldStart', 'iapo', 'iapo'],
    ]);
    const explained = events.filter(({ event }) => event.type === 'explanations-end');
    expect(new Set(explained.map(({ stage }) => stage))).toEqual(new Set(['iapo']));
    expect(explained).toHaveLength(2);
  });

  test('the teacher of the last stage is the trained one', async () => {
    const teacher = toyAgent('toy teacher', { favorsCalls: 3, knowsLabels: 2, readsGray: 4 });
    const before = structuredClone(teacher.parameters());
    await collect(options(newFolder(), { teacher, stages: { teacher: { steps: 2 } } }));
    expect(teacher.parameters()).not.toEqual(before);
  });

  test('one that is left out is given', async () => {
    const teacher = toyAgent('toy teacher', { favorsCalls: 3, knowsLabels: 2, readsGray: 4 });
    const before = structuredClone(teacher.parameters());
    const events = await collect(options(newFolder(), { teacher, stages: { iapo: { steps: 1 } } }));
    expect(new Set(events.map(({ stage }) => stage))).toEqual(new Set(['iapo']));
    expect(teacher.parameters()).toEqual(before);
  });

  test.each(names)('left in stage %s and resumed ends with the same bytes', async (left) => {
    const [whole, broken] = [newFolder(), newFolder()];
    await collect(options(whole));
    for await (const { stage, event } of trainStages(options(broken))) {
      if (stage === left && event.type === 'checkpoint-saved') break;
    }
    // New models, as in a new process: what was trained comes from the folders.
    await collect(options(broken, { resume: true }));
    for (const name of names) {
      expect(contentOf(join(broken, name))).toEqual(contentOf(join(whole, name)));
    }
  });

  test('a teacher that cannot be trained, and no stages at all, are told before anything runs', async () => {
    const { encode, decode, id } = toyAgent('toy teacher', {});
    await expect(
      collect(options(newFolder(), { teacher: { id, encode, decode } as never })),
    ).rejects.toThrow(/The teacher has no `backward`/);
    await expect(collect(options(newFolder(), { stages: {} }))).rejects.toThrow(
      /`stages` is empty/,
    );
  });
});
