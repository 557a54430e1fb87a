import { describeBaselines } from './baselines/resolve-baseline.js';
import { checkCompleteness } from './check-completeness.js';
import { openContext, retarget } from './context.js';
import { AttributionError } from './errors.js';
import { estimateProblem } from './estimate-cost.js';
import { type AttributionInput, listBlockNames } from './input.js';
import { lookUp } from './look-up.js';
import { Meter } from './meter.js';
import type { MethodContext, MethodScores } from './methods/method.js';
import type { AttributionModel } from './model.js';
import type { AttributeOptions } from './options.js';
import { type Problem, setUpProblem } from './problem.js';
import { describeSettings, describeSpan } from './provenance.js';
import type { AttributionResult, PerTargetScores, PlayerScore } from './result.js';
import { aggregateBlocks, reduceToTokens } from './scores/aggregate.js';
import { type Normalization, normalizations } from './scores/normalizations.js';
import { type Reduction, reductions } from './scores/reductions.js';
import { restrictToToken } from './targets/resolve-target.js';

/**
 * Gives every token and block of a prompt its credit for a completion, here a tool call.
 *
 * The scores of dimensions (or players) are reduced to tokens and blocks and normalized to a distribution over
 * blocks; every choice on the way has a name and is kept in the result.
 *
 * @param model Any object with the members that the method needs; see {@link AttributionModel}.
 * @param input Prompt, completion, and the block of every prompt token.
 * @param options Method, baseline, target, reduction, normalization, and the method's settings, all with defaults.
 * @returns Plain data: token and block scores, distribution, completeness, cost, provenance.
 * @throws {AttributionError} For arguments that cannot work (before the model is called), a method that the model
 *   cannot serve (with the reason), a model that fails or returns wrong shapes, and anything not finite.
 * @throws The signal's reason (an `AbortError`) when `signal` is aborted.
 * @example
 * const result = await attribute(model, { prompt, completion, blocks }, { method: 'shapley', baseline: 'zero' });
 * result.blocks; // => [{ name: 'P', tokens: 21, score: 0.4, share: 0.1 }, …]
 */
export async function attribute<Prompt>(
  model: AttributionModel<Prompt>,
  input: AttributionInput<Prompt>,
  options: AttributeOptions = {},
): Promise<AttributionResult> {
  const reduction = lookUp<Reduction>('reduction', reductions, options.reduce ?? 'sum>sum');
  const normalization = lookUp<Normalization>(
    'normalization',
    normalizations,
    options.normalize ?? 'abs',
  );
  const problem = setUpProblem(model, input, options);
  const excluded = listExcluded(problem.input, options.exclude);
  options.signal?.throwIfAborted();
  const meter = createMeter(problem, options);
  const scoredBefore = options.coalitions?.size ?? 0;
  const context = await openContext(problem, meter, options);
  const raw = await problem.method.attribute(context);
  const tokenScores = toTokens(raw);
  const toBlocks = (scores: readonly number[]): ReturnType<typeof aggregateBlocks> =>
    aggregateBlocks(scores, {
      names: listBlockNames(problem.input),
      blocks: problem.input.blocks,
      excluded: new Set(excluded),
      reduction,
      normalization,
    });
  const { blocks, degenerate } = toBlocks(tokenScores);
  const completeness = await checkCompleteness(problem, context, raw, options.tolerance);
  const perTarget = options.perTarget === true ? await scoreTargets() : null;
  const { method, target, settings, unusedSettings, seed } = problem;
  if (options.coalitions !== undefined) {
    // A shared table counts for whoever prepared it; what this call added to it is counted here.
    const added = (options.coalitions.size - scoredBefore) * target.terms.length;
    if (added > 0) meter.count({ forwards: added, backwards: 0 });
  }
  return {
    format: 'iapo-attribution',
    version: 1,
    id: input.id ?? null,
    model: {
      id: model.id ?? 'unnamed',
      dtype:
        model.dtype ??
        (context.space?.input instanceof Float32Array
          ? 'float32'
          : context.space === null
            ? 'unknown'
            : 'float64'),
    },
    method: {
      name: method.name,
      family: method.family,
      completeness: method.completeness,
      settings: describeSettings(settings),
      unusedSettings,
    },
    target: {
      name: target.name,
      quantity: target.quantity,
      span: describeSpan(options.tokenWeights),
      tokenWeights: Array.from(target.terms[0]?.weights ?? []),
      completion: [...input.completion],
      completionTokens: input.completionTokens === undefined ? null : [...input.completionTokens],
      contrast: target.terms[1] === undefined ? null : [...target.terms[1].completion],
    },
    baseline: usesBaselineRows(problem) ? describeBaselines(problem.baselines) : null,
    maskMode:
      method.family !== 'perturbation' ? null : problem.scoresPrompts ? 'prompt' : problem.maskMode,
    reduce: reduction.name,
    normalize: { name: normalization.name, parameters: normalization.parameters ?? {} },
    seed,
    tokens: {
      scores: tokenScores,
      blocks: [...problem.input.blocks],
      texts: input.tokens === undefined ? null : [...input.tokens],
    },
    blocks,
    degenerate,
    players: raw.level === 'players' ? listPlayers(problem, raw) : null,
    intercept: raw.intercept ?? null,
    perTarget,
    dimensions:
      options.keepDimensions === true && raw.level === 'dimensions' ? Array.from(raw.scores) : null,
    completeness,
    steps: raw.steps ?? null,
    excluded:
      options.exclude === undefined
        ? null
        : { tokens: excluded, share: shareOf(tokenScores, excluded) },
    images: input.images === undefined ? null : [...input.images],
    cost: meter.cost(),
  };

  function toTokens(scores: MethodScores): number[] {
    const { size, players } = problem;
    return reduceToTokens(scores, {
      tokens: size.tokens,
      players,
      reduction,
      method: problem.method.name,
    });
  }

  async function scoreTargets(): Promise<PerTargetScores> {
    const rows = await runPerTarget(problem, context, raw);
    const tokens = rows.map((row) => (row === null ? null : toTokens(row)));
    return {
      tokens,
      blocks: tokens.map((row) =>
        row === null ? null : toBlocks(row).blocks.map(({ score }) => score),
      ),
    };
  }
}

function createMeter<Prompt>(problem: Problem<Prompt>, options: AttributeOptions): Meter {
  return new Meter({
    clock: options.clock ?? (() => performance.now()),
    forwardsTotal: estimateProblem(problem, options).forwards,
    onProgress: options.onProgress,
  });
}

/** One set of scores a completion token; `null` for tokens of weight 0, which are not part of the target. */
async function runPerTarget<Prompt>(
  problem: Problem<Prompt>,
  context: MethodContext,
  raw: MethodScores,
): Promise<(MethodScores | null)[]> {
  const weights = problem.target.terms.flatMap((term) => Array.from(term.weights));
  const rows: (MethodScores | null)[] = [];
  // Steps that the sum needed serve every token, so that the rows add up to it.
  const steps = raw.steps === undefined ? {} : { steps: raw.steps, maximumSteps: raw.steps };
  for (const [token, weight] of weights.entries()) {
    const ready = raw.perTarget?.[token];
    if (weight === 0) rows.push(null);
    else if (ready !== undefined) rows.push({ level: 'tokens', scores: ready });
    else {
      const narrowed = retarget(context, problem, restrictToToken(problem.target, token));
      rows.push(
        await problem.method.attribute({
          ...narrowed,
          settings: { ...context.settings, ...steps },
        }),
      );
    }
  }
  return rows;
}

function listPlayers<Prompt>({ players }: Problem<Prompt>, raw: MethodScores): PlayerScore[] {
  return players.map(({ name, tokens }, index) => ({
    name,
    tokens: [...tokens],
    score: raw.scores[index]!,
    standardError: raw.standardErrors?.[index] ?? null,
  }));
}

function usesBaselineRows<Prompt>({ method, maskMode, scoresPrompts }: Problem<Prompt>): boolean {
  if (!method.usesBaseline) return false;
  return method.family !== 'perturbation' || (maskMode === 'baseline' && !scoresPrompts);
}

function listExcluded<Prompt>(
  input: AttributionInput<Prompt>,
  exclude: AttributeOptions['exclude'],
): number[] {
  if (exclude === undefined) return [];
  if (exclude === 'special') {
    if (input.specialTokens === undefined) {
      throw new AttributionError(
        'bad-option',
        '`exclude: "special"` needs the input\'s `specialTokens`.',
      );
    }
    return input.specialTokens.flatMap((isSpecial, token) => (isSpecial ? [token] : []));
  }
  const wrong = exclude.find(
    (token) => !Number.isInteger(token) || token < 0 || token >= input.blocks.length,
  );
  if (wrong !== undefined) {
    throw new AttributionError(
      'bad-option',
      `\`exclude\` names token ${wrong}; the prompt has ${input.blocks.length}.`,
    );
  }
  return [...exclude];
}

/** Share of Σ|score| that lies on some tokens. */
function shareOf(scores: readonly number[], tokens: readonly number[]): number | null {
  const total = scores.reduce((sum, score) => sum + Math.abs(score), 0);
  return total === 0
    ? null
    : tokens.reduce((sum, token) => sum + Math.abs(scores[token]!), 0) / total;
}
