import { allSettledOrThrow } from '../engine/side-by-side.js';
import { VlmError } from '../errors.js';
import { type BatchCache, type PromptCache, SplitCache, WholeCache } from './batch-cache.js';
import { planBatches } from './batches.js';
import type { DecodedRow, DecodeOptions, DecodePrompt, DecoderSession } from './decode-options.js';
import type { DecoderDescription } from './decoder-description.js';
import { DecoderRuns, type Logits } from './decoder-runs.js';
import { type RowRules, RowState } from './row-state.js';
import { StopStrings } from './stop-strings.js';
import { TokenSampler } from './token-sampler.js';

/**
 * Rows that a step has at least. Kernels multiply a matrix by a single row in another order than by several, so one
 * row alone would differ from the same row in a batch in the last bits; it runs twice instead.
 */
const leastRows = 2;

/**
 * Samples rows from prompts through a decoder with a cache.
 *
 * The rows of a prompt share the run that reads it. Rows that have finished leave their batch. Each row draws from its
 * own stream, and a row's logits do not depend on the rows beside it, so neither does the row.
 *
 * All arguments but the functions among `options` are plain data, so that the loop can run in another thread.
 *
 * @returns Rows by prompt, in the order of its streams.
 * @throws {VlmError} `invalid-argument` before any work, `not-finite` for logits that are, `runtime`; or the signal's
 *   reason.
 */
export async function decode(
  session: DecoderSession,
  description: DecoderDescription,
  prompts: readonly DecodePrompt[],
  options: DecodeOptions,
): Promise<DecodedRow[][]> {
  const { parameters = {}, maximumBatch = 32, moreSessions = [], signal } = options;
  const rules = rowRules(options);
  const sizes = prompts.map((prompt, index) => ({
    tokens: promptTokens(prompt, index, description),
    rows: prompt.streams.length,
  }));
  if (!Number.isSafeInteger(maximumBatch) || maximumBatch < leastRows)
    refuse(`\`maximumBatch\` must be a whole number from ${leastRows}, got ${maximumBatch}`);
  const isSplit = description.cache.every(({ prompt }) => prompt !== null);
  const states = prompts.map(({ tokenIds, streams }, prompt) =>
    streams.map((stream, sample) => new RowState({ prompt, sample, stream }, tokenIds, rules)),
  );
  const plan = planBatches(sizes, {
    maximumBatch,
    mixesPrompts: isSplit,
    bytesPerToken: bytesPerToken(description),
    lanes: 1 + moreSessions.length,
  });
  const batches = plan.values();
  const work = async (worker: DecoderSession): Promise<void> => {
    const runs = new DecoderRuns(worker, description, parameters);
    let read = new Map<number, { logits: Logits; cache: PromptCache }>();
    // One iterator for all sessions: each takes the next batch when it is free.
    for (const batch of batches) {
      // A prompt of more rows than one batch holds is still read once.
      const last = read;
      read = new Map();
      for (const index of new Set(batch.map(({ prompt }) => prompt))) {
        signal?.throwIfAborted();
        const prompt = prompts[index] as DecodePrompt;
        read.set(index, last.get(index) ?? (await runs.prefill(prompt)));
      }
      const rows: RowState[] = [];
      for (const { prompt, sample } of batch) {
        const row = states[prompt]?.[sample];
        const logits = read.get(prompt)?.logits;
        if (row === undefined || logits === undefined) continue;
        row.grow(logits.data);
        if (!row.isFinished) rows.push(row);
      }
      if (rows.length === 0) continue;
      const caches = padded(rows).map(({ prompt }) => read.get(prompt)?.cache as PromptCache);
      const [first] = caches;
      const cache =
        isSplit || first === undefined
          ? new SplitCache(description, caches)
          : new WholeCache(description, first, caches.length);
      await growRows(rows, cache, { runs, prompts, options });
    }
  };
  // Each session takes a copy of the parameters, so those without a batch are left out.
  const busy = moreSessions.slice(0, Math.max(0, plan.length - 1));
  await allSettledOrThrow([session, ...busy].map(work));
  return states.map((rows) => rows.map((row) => row.result()));
}

/** Runs a batch to its end. */
async function growRows(
  started: readonly RowState[],
  cache: BatchCache,
  context: {
    readonly runs: DecoderRuns;
    readonly prompts: readonly DecodePrompt[];
    readonly options: DecodeOptions;
  },
): Promise<void> {
  const { runs, prompts, options } = context;
  let rows = started;
  while (rows.length > 0) {
    options.signal?.throwIfAborted();
    const fed = padded(rows);
    const embeddings = await options.embed(fed.map(({ lastToken }) => lastToken));
    const positions = fed.map(
      ({ prompt, length }) => (prompts[prompt]?.nextPosition ?? 0) + length - 1,
    );
    const { data, vocabulary } = await runs.step({ embeddings, positions, cache });
    for (const [index, row] of rows.entries())
      row.grow(data.subarray(index * vocabulary, (index + 1) * vocabulary));
    const kept = [...rows.keys()].filter((index) => rows[index]?.isFinished === false);
    if (kept.length < rows.length && kept.length > 0) cache.keep(padded(kept));
    rows = kept.flatMap((index) => rows[index] ?? []);
  }
}

function bytesPerToken({ cache }: DecoderDescription): number {
  return cache.reduce(
    (sum, { type, heads, headSize }) => sum + heads * headSize * (type === 'float16' ? 2 : 4),
    0,
  );
}

/** A list of at least `leastRows`, the last one repeated. */
function padded<T>(rows: readonly T[]): T[] {
  const all = [...rows];
  while (all.length > 0 && all.length < leastRows) all.push(all.at(-1) as T);
  return all;
}

function rowRules(options: DecodeOptions): RowRules {
  const {
    settings,
    maxNewTokens,
    stopTokens = [],
    stopStrings = [],
    decodeText,
    onToken,
  } = options;
  if (!Number.isSafeInteger(maxNewTokens) || maxNewTokens < 1)
    refuse(`\`maxNewTokens\` must be a whole number from 1, got ${maxNewTokens}`);
  if (stopStrings.length > 0 && decodeText === undefined)
    refuse('`decodeText` is needed with `stopStrings`');
  return {
    sampler: new TokenSampler(settings),
    stopTokens: new Set(stopTokens),
    stopStrings: new StopStrings(stopStrings, decodeText ?? (() => '')),
    maxNewTokens,
    onToken,
  };
}

/** Length of a prompt, after checks. */
function promptTokens(
  { inputsEmbeds, positions, deepstack }: DecodePrompt,
  index: number,
  { hidden, planes, deepstack: deepstackInput }: DecoderDescription,
): number {
  const tokens = inputsEmbeds.length / hidden;
  if (!Number.isInteger(tokens) || tokens === 0) {
    refuse(
      `prompt ${index} has ${inputsEmbeds.length} numbers of embeddings, expected one row of ${hidden} or more`,
    );
  }
  const wrong = positions.find(({ length }) => length !== tokens);
  if (planes > 0 && (positions.length !== planes || wrong !== undefined)) {
    refuse(
      `prompt ${index} has positions of ${positions.map(({ length }) => length).join(', ') || 'no'} tokens, expected ${planes} planes of ${tokens}`,
    );
  }
  if (deepstack === null) return tokens;
  if (deepstackInput === null || deepstack.length !== deepstackInput.layers * tokens * hidden) {
    refuse(
      `prompt ${index} has ${deepstack.length} numbers of deepstack features, expected ${deepstackInput === null ? 'none: the decoder takes none' : deepstackInput.layers * tokens * hidden}`,
    );
  }
  return tokens;
}

function refuse(problem: string): never {
  throw new VlmError('invalid-argument', `Cannot sample: ${problem}.`);
}
