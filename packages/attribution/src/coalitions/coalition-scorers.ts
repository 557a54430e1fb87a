import { callModel, requireLength } from '../call-model.js';
import { AttributionError } from '../errors.js';
import type { AttributionInput } from '../input.js';
import type { Meter } from '../meter.js';
import type {
  AttributionModel,
  FloatArray,
  MaskMode,
  PromptSequence,
  SequenceLogprobs,
} from '../model.js';
import type { Objective } from '../objective.js';
import type { Player } from '../players/player.js';
import type { ResolvedTarget } from '../targets/resolve-target.js';
import type { Coalition } from './coalition.js';
import type { CoalitionScorer } from './coalition-game.js';

/** Sequences in one call of a model that sees prompts, when it sets no limit of its own. */
const defaultPromptBatch = 16;

/** Scores coalitions through embeddings: absent rows are replaced by the baseline's, or masked out. */
export function embeddingScorer(options: {
  objective: Objective;
  players: readonly Player[];
  embeddings: FloatArray;
  baseline: FloatArray;
  maskMode: MaskMode;
}): CoalitionScorer {
  const { objective, players, embeddings, baseline, maskMode } = options;
  const { tokens, hiddenSize } = objective;
  return (coalitions) => {
    const keeps = coalitions.map((coalition) => keptTokens(coalition, players, tokens));
    if (maskMode === 'baseline') {
      return objective.tokenScores(coalitions.length, (index, point) => {
        point.set(embeddings);
        replaceRows(point, baseline, keeps[index] ?? new Uint8Array(), hiddenSize);
      });
    }
    for (const keep of keeps) refuseEmptyPrompt(keep);
    return objective.tokenScores(coalitions.length, (_, point) => point.set(embeddings), {
      mode: maskMode,
      write: (index, keep) => keep.set(keeps[index] ?? keep),
    });
  };
}

/** Scores coalitions through whole prompts, made by the input's `maskPrompt`. */
export function promptScorer<Prompt>(options: {
  model: AttributionModel<Prompt>;
  input: AttributionInput<Prompt>;
  players: readonly Player[];
  target: ResolvedTarget;
  meter: Meter;
  maximumBatch?: number | undefined;
  signal?: AbortSignal | undefined;
}): CoalitionScorer {
  const { model, input, players, target, meter, signal } = options;
  const batch = options.maximumBatch ?? model.maximumBatch ?? defaultPromptBatch;
  return async (coalitions) => {
    const sequences: PromptSequence<Prompt>[] = [];
    for (const coalition of coalitions) {
      const prompt = maskedPrompt(input, keptTokens(coalition, players, input.blocks.length));
      for (const { completion } of target.terms) sequences.push({ prompt, completion });
    }
    const scores = new Float64Array(coalitions.length * target.tokenCount);
    let column = 0;
    for (let first = 0; first < sequences.length; first += batch) {
      const part = sequences.slice(first, first + batch);
      const rows = await callModel('logprobs', signal, () => model.logprobs?.(part));
      if (rows?.length !== part.length) {
        throw new AttributionError(
          'model-output',
          `\`logprobs\`: expected ${part.length} results, one a sequence; got ${rows?.length ?? 'nothing'}.`,
        );
      }
      meter.count({ forwards: part.length, backwards: 0 });
      for (const [index, { completion }] of part.entries()) {
        const row = readLogprobs(rows[index]);
        requireLength(`logprobs()[${first + index}]`, row, { T: completion.length });
        scores.set(Float64Array.from(row ?? []), column);
        column += completion.length;
      }
    }
    return scores;
  };
}

function maskedPrompt<Prompt>(input: AttributionInput<Prompt>, keep: Uint8Array): Prompt {
  if (keep.every((present) => present === 1)) return input.prompt;
  if (input.maskPrompt === undefined) {
    throw new AttributionError(
      'unsupported',
      'A model that sees prompts and not embeddings needs `input.maskPrompt`, which makes the prompt without some tokens.',
    );
  }
  return input.maskPrompt(keep);
}

function readLogprobs(row: SequenceLogprobs | undefined): ArrayLike<number> | undefined {
  return row !== undefined && 'logprobs' in row ? row.logprobs : row;
}

/** `[P]`: tokens of absent players are 0, all others 1. */
function keptTokens(coalition: Coalition, players: readonly Player[], tokens: number): Uint8Array {
  const keep = new Uint8Array(tokens).fill(1);
  for (const [index, player] of players.entries()) {
    if (coalition[index] === 1) continue;
    for (const token of player.tokens) keep[token] = 0;
  }
  return keep;
}

/** Copies the baseline's rows where `keep` is 0, run by run: neighbors are mostly absent together. */
function replaceRows(
  point: FloatArray,
  baseline: FloatArray,
  keep: Uint8Array,
  hiddenSize: number,
): void {
  for (let token = keep.indexOf(0); token >= 0; ) {
    const next = keep.indexOf(1, token);
    const end = next < 0 ? keep.length : next;
    point.set(baseline.subarray(token * hiddenSize, end * hiddenSize), token * hiddenSize);
    token = next < 0 ? -1 : keep.indexOf(0, next);
  }
}

function refuseEmptyPrompt(keep: Uint8Array): void {
  if (keep.some((present) => present === 1)) return;
  throw new AttributionError(
    'unsupported',
    'Removing every player leaves an empty prompt, which has no score. Use mask mode "baseline", or players that leave some tokens out.',
  );
}
