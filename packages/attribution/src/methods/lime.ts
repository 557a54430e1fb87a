import type { Coalition } from '../coalitions/coalition.js';
import { AttributionError } from '../errors.js';
import { lasso } from '../statistics/lasso.js';
import type { AttributionMethod, MethodContext } from './method.js';
import { drawMasks } from './random-masks.js';
import { requireRange, requireSpace } from './requirements.js';

/** Captum's defaults but for the samples: 25 of them leave four scores noisy, and 64 cost 16 forwards at most. */
const defaults = {
  samples: 64,
  presence: 0.5,
  penalty: 0.01,
  similarity: 'embeddings',
  kernelWidth: 1,
} as const;

/**
 * Lasso of v on presence over random coalitions, weighted by their similarity to the whole prompt:
 * exp(−(1 − cos)² / (2 · kernelWidth²)), the cosine between the masked and the real embeddings of the players'
 * tokens (what is always present does not count), or between the presence vectors.
 *
 * @see Ribeiro, Singh, Guestrin, "Why Should I Trust You?", 2016, https://arxiv.org/abs/1602.04938; weights as Captum
 */
export const lime: AttributionMethod = {
  name: 'lime',
  family: 'perturbation',
  needs: ['coalitions'],
  usesBaseline: true,
  completeness: 'none',
  defaults,
  optional: ['masks'],
  cost: ({ players }, { samples = defaults.samples, masks }) => ({
    forwards: Math.min(2 ** players, masks?.length ?? samples),
    backwards: 0,
  }),
  attribute: async (context) => {
    const { settings, game } = context;
    const penalty = requireRange('penalty', settings.penalty ?? defaults.penalty, 0, 1e9);
    const width = requireRange(
      'kernelWidth',
      settings.kernelWidth ?? defaults.kernelWidth,
      1e-9,
      1e9,
    );
    const coalitions = drawMasks(context, 'lime', defaults);
    const cosines = await similarities(context, coalitions);
    const weights = cosines.map((cosine) => Math.exp(-((1 - cosine) ** 2) / (2 * width ** 2)));
    const values = await game.values(coalitions);
    const { coefficients, intercept } = lasso(coalitions, values, weights, penalty);
    return { level: 'players', scores: Float64Array.from(coefficients), intercept };
  },
};

async function similarities(
  context: MethodContext,
  coalitions: readonly Coalition[],
): Promise<number[]> {
  const { settings, players } = context;
  if ((settings.similarity ?? defaults.similarity) === 'presence') {
    return coalitions.map((coalition) =>
      Math.sqrt(coalition.reduce((sum, present) => sum + present, 0) / players.length),
    );
  }
  if (context.space === null) {
    throw new AttributionError(
      'unsupported',
      'LIME with `similarity: "embeddings"` needs a model with `embed`; set `similarity: "presence"`.',
    );
  }
  const { input, baseline, objective } = requireSpace(context);
  const far = await baseline();
  const { hiddenSize } = objective;
  // Dot products and squares per player, so that no masked prompt is ever built.
  const own = new Float64Array(players.length);
  const replacedDot = new Float64Array(players.length);
  const replacedSquare = new Float64Array(players.length);
  let inputSquare = 0;
  for (const [index, { tokens }] of players.entries()) {
    for (const token of tokens) {
      for (let at = token * hiddenSize; at < (token + 1) * hiddenSize; at++) {
        own[index]! += input[at]! * input[at]!;
        replacedDot[index]! += input[at]! * far[at]!;
        replacedSquare[index]! += far[at]! * far[at]!;
      }
    }
    inputSquare += own[index]!;
  }
  return coalitions.map((coalition) => {
    let dot = 0;
    let square = 0;
    for (let index = 0; index < players.length; index++) {
      dot += coalition[index] === 1 ? own[index]! : replacedDot[index]!;
      square += coalition[index] === 1 ? own[index]! : replacedSquare[index]!;
    }
    // A prompt of zeros has no direction: similarity 0, as in torch.
    const norms = Math.sqrt(inputSquare * Math.max(0, square));
    return norms > inputSquare * 1e-12 ? dot / norms : 0;
  });
}
