import type { AttributionResult } from '@iapo/attribution';
import { type SavedTrajectory, saveTrajectory } from '@iapo/vqa-tools';
import { z } from 'zod';
import { IapoError } from '../errors.js';
import type { CallExplanation } from '../explain/explainer.js';
import type { PlayedEpisode } from '../model/play-episodes.js';
import type { MissingReason } from '../reward/missing-penalties.js';

/** One model's explanation of a call, as much as a reader needs. */
export interface ExplanationRecord {
  readonly model: string;
  readonly method: string;
  readonly blocks: readonly {
    readonly name: string;
    readonly score: number | null;
    readonly share: number | null;
    readonly tokens: number;
  }[];
  /** Prompt tokens: text, block and score, of equal length. */
  readonly texts: readonly string[];
  readonly tokenBlocks: readonly (string | null)[];
  readonly scores: readonly number[];
  readonly images: readonly {
    readonly firstToken: number;
    readonly rows: number;
    readonly columns: number;
  }[];
  readonly relativeDelta: number | null;
  readonly steps: number | null;
}

/** One rollout of a run with everything that it earned. A line of `trajectories/step-….jsonl`. */
export interface TrajectoryRecord {
  readonly format: 'iapo-trajectory';
  readonly version: 1;
  readonly step: number;
  readonly taskId: string;
  readonly question: string | null;
  readonly answers: readonly string[];
  readonly sample: number;
  readonly answer: string | null;
  readonly outcome: number | null;
  readonly divergence: number | null;
  readonly penalty: number | null;
  readonly lambda: number;
  /** Further parts of the reward by name. */
  readonly parts: Readonly<Record<string, number | null>>;
  readonly total: number | null;
  /** `null` for advantages that differ from token to token. */
  readonly advantage: number | null;
  readonly missing: MissingReason | null;
  readonly reason: string | null;
  readonly student: ExplanationRecord | null;
  readonly teacher: ExplanationRecord | null;
  readonly trajectory: SavedTrajectory;
}

/** Scores are for reading and drawing: six digits. */
const digits = 6;

function explanationRecord(result: AttributionResult): ExplanationRecord {
  return {
    model: result.model.id,
    method: result.method.name,
    blocks: result.blocks.map(({ name, score, share, tokens }) => ({ name, score, share, tokens })),
    texts: result.tokens.texts ?? result.tokens.blocks.map(() => ''),
    tokenBlocks: result.tokens.blocks,
    scores: result.tokens.scores.map((score) => Number(score.toPrecision(digits))),
    images: (result.images ?? []).map(({ firstToken, rows, columns }) => ({
      firstToken,
      rows,
      columns,
    })),
    relativeDelta: result.completeness?.relativeDelta ?? null,
    steps: result.steps,
  };
}

export function trajectoryRecord(
  { task, trajectory }: PlayedEpisode<unknown>,
  explanation: CallExplanation | null,
  rest: Pick<
    TrajectoryRecord,
    | 'step'
    | 'sample'
    | 'answer'
    | 'outcome'
    | 'divergence'
    | 'penalty'
    | 'lambda'
    | 'parts'
    | 'total'
    | 'advantage'
    | 'missing'
  >,
): TrajectoryRecord {
  const { answers } = task;
  return {
    format: 'iapo-trajectory',
    version: 1,
    ...rest,
    taskId: task.id,
    question: task.question ?? null,
    answers: typeof answers === 'object' ? [...answers] : [String(answers)],
    reason: explanation?.reason ?? null,
    student: explanation?.student ? explanationRecord(explanation.student) : null,
    teacher: explanation?.teacher ? explanationRecord(explanation.teacher) : null,
    trajectory: saveTrajectory(trajectory),
  };
}

const explanationSchema = z.looseObject({
  model: z.string(),
  method: z.string(),
  blocks: z.array(
    z.looseObject({
      name: z.string(),
      score: z.number().nullable(),
      share: z.number().nullable(),
      tokens: z.number(),
    }),
  ),
  texts: z.array(z.string()),
  tokenBlocks: z.array(z.string().nullable()),
  scores: z.array(z.number()),
  images: z.array(z.object({ firstToken: z.number(), rows: z.number(), columns: z.number() })),
});

const recordSchema = z.looseObject({
  format: z.literal('iapo-trajectory'),
  version: z.literal(1),
  step: z.number(),
  taskId: z.string(),
  question: z.string().nullable(),
  answers: z.array(z.string()),
  sample: z.number(),
  answer: z.string().nullable(),
  outcome: z.number().nullable(),
  divergence: z.number().nullable(),
  penalty: z.number().nullable(),
  lambda: z.number(),
  parts: z.record(z.string(), z.number().nullable()),
  total: z.number().nullable(),
  advantage: z.number().nullable(),
  missing: z.string().nullable(),
  reason: z.string().nullable(),
  student: explanationSchema.nullable(),
  teacher: explanationSchema.nullable(),
  trajectory: z.looseObject({
    taskImages: z.number(),
    turns: z.array(z.looseObject({ turn: z.number(), text: z.string() })),
    segments: z.array(
      z.looseObject({ author: z.enum(['model', 'tool']), logprobs: z.array(z.number()) }),
    ),
    images: z.array(z.looseObject({ width: z.number(), height: z.number(), png: z.string() })),
  }),
});

/**
 * Reads a line of a trajectory file.
 *
 * @param where Named in the error, e.g. the file and line.
 * @throws {IapoError} `run-damaged`.
 */
export function parseTrajectoryRecord(line: string, where: string): TrajectoryRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new IapoError('run-damaged', `${where}: the line is not JSON.`, { cause });
  }
  const parsed = recordSchema.safeParse(value);
  if (!parsed.success) {
    throw new IapoError(
      'run-damaged',
      `${where}: not a trajectory. ${z.prettifyError(parsed.error)}`,
      { cause: parsed.error },
    );
  }
  // The schema has checked what readers rely on; the rest is carried as it was saved.
  return parsed.data as unknown as TrajectoryRecord;
}
