import type { ExplanationRecord, TrajectoryRecord } from '../runs/trajectory-record.js';
import { shorten } from './curves.js';
import type { PageExplanation, PagePiece, PageTrajectory, PageTurn } from './page-data.js';

/** Longest prompt and turn that the page shows, in characters of a piece and in pieces. */
const mostPieces = 3000;
const longestText = 20_000;

/** A kept trajectory as the page draws it; its pictures stay apart, since many share them. */
export function pageTrajectory(record: TrajectoryRecord): PageTrajectory {
  const { trajectory, student, teacher } = record;
  return {
    step: record.step,
    taskId: record.taskId,
    sample: record.sample,
    question: record.question,
    answers: record.answers,
    answer: record.answer,
    outcome: record.outcome,
    rewards: rewardRows(record),
    missing:
      record.missing === null ? null : [record.missing, record.reason].filter(Boolean).join(': '),
    student: student === null ? null : pageExplanation(student),
    teacher: teacher === null ? null : pageExplanation(teacher),
    turns: trajectory.segments.map(
      ({ author, turn, text, logprobs }): PageTurn => ({
        author,
        text: text.slice(0, longestText),
        logprobs: author === 'model' ? logprobs.map((value) => shorten(value) ?? 0) : [],
        outcomes: author === 'model' ? outcomesOf(record, turn) : [],
      }),
    ),
    pictures: trajectory.images.map(({ sha256 }) => sha256),
    taskPictures: trajectory.taskImages,
  };
}

function rewardRows(record: TrajectoryRecord): [string, string][] {
  const show = (value: number | null): string =>
    value === null ? 'none' : String(Number(value.toFixed(4))).replace('-', '−');
  return [
    ['outcome', show(record.outcome)],
    ['divergence', show(record.divergence)],
    ['λ', show(record.lambda)],
    ['penalty', show(record.penalty === null ? null : record.lambda * record.penalty)],
    ...Object.entries(record.parts).map(([name, value]): [string, string] => [name, show(value)]),
    ['reward', show(record.total)],
    ['advantage', show(record.advantage)],
  ];
}

function outcomesOf({ trajectory }: TrajectoryRecord, turn: number): string[] {
  const { parse, calls = [] } = trajectory.turns.find((entry) => entry.turn === turn) ?? {};
  const failure = parse?.failure ?? null;
  return [
    ...(failure === null || failure.kind === 'no-call'
      ? []
      : [`${failure.kind}: ${failure.message}`]),
    ...calls.map(({ call, outcome }) =>
      outcome.ok
        ? `${call.name} ran${outcome.text === null ? '' : `: ${outcome.text}`}`
        : `${call.name} failed, ${outcome.code}: ${outcome.message}`,
    ),
  ];
}

function pageExplanation(record: ExplanationRecord): PageExplanation {
  const { texts, tokenBlocks, scores, images } = record;
  return {
    model: record.model,
    method: record.method,
    blocks: record.blocks.map(({ name, share }) => ({ name, share: shorten(share) })),
    pieces: piecesOf(texts, tokenBlocks, scores).slice(0, mostPieces),
    overlays: images.map(({ firstToken, rows, columns }) => ({
      rows,
      columns,
      scores: scores
        .slice(firstToken, firstToken + rows * columns)
        .map((score) => shorten(score) ?? 0),
    })),
    relativeDelta: shorten(record.relativeDelta),
  };
}

/** Tokens as pieces; the tokens of a picture are one. */
function piecesOf(
  texts: readonly string[],
  blocks: readonly (string | null)[],
  scores: readonly number[],
): PagePiece[] {
  const pieces: PagePiece[] = [];
  for (const [token, text] of texts.entries()) {
    const block = blocks[token] ?? null;
    const last = pieces.at(-1);
    const score = shorten(scores[token] ?? null);
    if (block === 'I' && last?.block === 'I') {
      const sum = (last.score ?? 0) + (score ?? 0);
      pieces[pieces.length - 1] = { ...last, score: shorten(sum), tokens: last.tokens + 1 };
    } else pieces.push({ text: block === 'I' ? '' : text, block, score, tokens: 1 });
  }
  return pieces;
}
