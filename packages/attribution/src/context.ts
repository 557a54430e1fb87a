import { buildBaseline, describeBaselines } from './baselines/resolve-baseline.js';
import { callModel, requireLength } from './call-model.js';
import { emptyCoalition, grandCoalition } from './coalitions/coalition.js';
import {
  CoalitionGame,
  type CoalitionScorer,
  type GameIdentity,
} from './coalitions/coalition-game.js';
import { embeddingScorer, promptScorer } from './coalitions/coalition-scorers.js';
import { AttributionError } from './errors.js';
import { firstNonFinite } from './first-non-finite.js';
import type { Meter } from './meter.js';
import type { EmbeddingSpace, MethodContext } from './methods/method.js';
import type { AttentionOutput, FloatArray, PromptEmbeddings } from './model.js';
import { Objective } from './objective.js';
import type { AttributeOptions } from './options.js';
import type { Problem } from './problem.js';
import { createRandom } from './random.js';
import type { ResolvedTarget } from './targets/resolve-target.js';

/** Opens what a method works with: embeds the prompt, prepares the baseline (built on first use) and the game. */
export async function openContext<Prompt>(
  problem: Problem<Prompt>,
  meter: Meter,
  options: AttributeOptions,
): Promise<MethodContext> {
  const { model, players, settings, seed, size, target } = problem;
  const space = await openSpace(problem, meter, options);
  const game = openGame(problem, space, meter, options);
  const input = space?.input ?? new Float64Array();
  const [term] = target.terms;
  return {
    settings,
    random: createRandom(seed),
    players,
    tokens: size.tokens,
    model,
    space,
    game,
    tokenWeights: term?.weights ?? new Float64Array(),
    endpoints: memoize(() => evaluateEndpoints(problem, space, game)),
    attention: ({ gradients }) => requestAttention(problem, input, meter, options, gradients),
    layerOutputs: (layer, zeroedPosition) =>
      requestLayerOutputs(problem, input, meter, options, layer, zeroedPosition),
  };
}

/** The same context under another target: nothing is embedded or scored again. */
export function retarget(
  context: MethodContext,
  problem: Problem,
  target: ResolvedTarget,
): MethodContext {
  const game = context.game.withTarget(target);
  const { space } = context;
  const narrowed =
    space === null ? null : { ...space, objective: space.objective.withTarget(target) };
  return {
    ...context,
    game,
    space: narrowed,
    tokenWeights: target.terms[0]?.weights ?? new Float64Array(),
    endpoints: memoize(() => evaluateEndpoints(problem, narrowed, game)),
  };
}

async function openSpace<Prompt>(
  problem: Problem<Prompt>,
  meter: Meter,
  options: AttributeOptions,
): Promise<EmbeddingSpace | null> {
  const { model, input, target, baselines, size, method, scoresPrompts } = problem;
  const isNeeded = method.family !== 'perturbation' || !scoresPrompts;
  if (model.embed === undefined || !isNeeded) return null;
  const { signal, maximumBatch } = options;
  const source = await callModel('embed', signal, () => model.embed?.(input.prompt));
  checkEmbeddings(source, size.tokens);
  const objective = new Objective({
    model,
    prompt: input.prompt,
    source,
    target,
    meter,
    maximumBatch,
    signal,
  });
  return {
    objective,
    input: source.embeddings,
    baseline: memoize(() => buildBaseline(baselines, model, input, source, signal)),
  };
}

function checkEmbeddings(
  source: PromptEmbeddings | undefined,
  tokens: number,
): asserts source is PromptEmbeddings {
  if (source === undefined || source.tokens !== tokens) {
    throw new AttributionError(
      'model-output',
      `\`embed\`: expected one row a prompt token, ${tokens} as in \`blocks\`; got ${source?.tokens ?? 'nothing'}.`,
    );
  }
  requireLength('embed().embeddings', source.embeddings, { P: tokens, H: source.hiddenSize });
  const broken = firstNonFinite(source.embeddings);
  if (broken >= 0) {
    throw new AttributionError(
      'non-finite',
      `\`embed\`: prompt token ${Math.floor(broken / source.hiddenSize)} has ${source.embeddings[broken]} in its embedding.`,
    );
  }
}

function openGame<Prompt>(
  problem: Problem<Prompt>,
  space: EmbeddingSpace | null,
  meter: Meter,
  options: AttributeOptions,
): CoalitionGame {
  const { model, input, players, target, baselines, maskMode, scoresPrompts } = problem;
  const identity: GameIdentity = {
    model,
    prompt: input.prompt,
    baseline:
      maskMode === 'baseline' && !scoresPrompts ? JSON.stringify(describeBaselines(baselines)) : '',
    maskMode,
    quantity: target.quantity,
    completions: target.terms.map(({ completion }) => completion.join(' ')).join(' | '),
  };
  if (options.coalitions !== undefined) {
    options.coalitions.requireIdentity(identity);
    return options.coalitions.withTarget(target);
  }
  return new CoalitionGame({ players, target, identity, score: chooseScorer() });

  function chooseScorer(): CoalitionScorer {
    const { maximumBatch, signal } = options;
    if (scoresPrompts)
      return promptScorer({ model, input, players, target, meter, maximumBatch, signal });
    return async (coalitions) => {
      if (space === null) throw new AttributionError('unsupported', 'The model has no embeddings.');
      const score = embeddingScorer({
        objective: space.objective,
        players,
        embeddings: space.input,
        baseline: maskMode === 'baseline' ? await space.baseline() : space.input,
        maskMode,
      });
      return score(coalitions);
    };
  }
}

async function evaluateEndpoints<Prompt>(
  { method, size }: Problem<Prompt>,
  space: EmbeddingSpace | null,
  game: CoalitionGame,
): Promise<{ input: number; baseline: number }> {
  if (method.family === 'perturbation' || space === null) {
    const ends = [grandCoalition(size.players), emptyCoalition(size.players)];
    const [input = 0, baseline = 0] = await game.values(ends);
    return { input, baseline };
  }
  const far = await space.baseline();
  const [input = 0, baseline = 0] = await space.objective.values(2, (index, point) =>
    point.set(index === 0 ? space.input : far),
  );
  return { input, baseline };
}

async function requestAttention<Prompt>(
  { model, input, target, method }: Problem<Prompt>,
  embeddings: FloatArray,
  meter: Meter,
  { signal }: AttributeOptions,
  gradients: boolean,
): Promise<AttentionOutput> {
  const [term, ...others] = target.terms;
  if (
    term === undefined ||
    others.length > 0 ||
    target.quantity !== 'logprob' ||
    target.link.name !== 'identity'
  ) {
    throw new AttributionError(
      'unsupported',
      `Method "${method.name}" explains the log-probability of one call; it cannot serve the target "${target.name}".`,
    );
  }
  const output = await callModel('attention', signal, () =>
    model.attention?.({
      prompt: input.prompt,
      completion: input.completion,
      embeddings,
      ...(gradients ? { weights: term.weights } : {}),
      ...(signal === undefined ? {} : { signal }),
    }),
  );
  meter.count({ forwards: 1, backwards: gradients ? 1 : 0 });
  if (output === undefined) throw new AttributionError('model-output', '`attention` gave nothing.');
  const shape = { A: output.heads, S: output.positions, 'S′': output.positions };
  for (const [index, layer] of output.layers.entries()) {
    requireLength(`attention().layers[${index}]`, layer, shape);
    if (gradients)
      requireLength(`attention().gradients[${index}]`, output.gradients?.[index], shape);
  }
  return output;
}

async function requestLayerOutputs<Prompt>(
  { model, input, size }: Problem<Prompt>,
  embeddings: FloatArray,
  meter: Meter,
  { signal }: AttributeOptions,
  layer: number,
  zeroedPosition: number | null,
): Promise<FloatArray> {
  const output = await callModel('layerOutputs', signal, () =>
    model.layerOutputs?.({
      prompt: input.prompt,
      completion: input.completion,
      embeddings,
      layer,
      zeroedPosition,
      ...(signal === undefined ? {} : { signal }),
    }),
  );
  meter.count({ forwards: 1, backwards: 0 });
  if (output === undefined || output.length === 0 || output.length % size.positions !== 0) {
    throw new AttributionError(
      'model-output',
      `\`layerOutputs\`: expected [S, width] with S = ${size.positions}, got ${output?.length ?? 'no'} numbers.`,
    );
  }
  return output;
}

function memoize<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}
