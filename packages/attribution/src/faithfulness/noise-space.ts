import { callModel } from '../call-model.js';
import { AttributionError } from '../errors.js';
import { type AttributionInput, checkInput } from '../input.js';
import { Meter } from '../meter.js';
import type { AttributionModel, PromptEmbeddings } from '../model.js';
import { Objective } from '../objective.js';
import type { AttributeOptions } from '../options.js';
import { createRandom } from '../random.js';
import { resolveTarget } from '../targets/resolve-target.js';

/** Noise around the input: given tensors `[P · H]`, or seeded draws. */
export interface NoiseOptions {
  readonly noise?: readonly ArrayLike<number>[];
  /** Default 10, as Captum. */
  readonly samples?: number;
  /** Default 0. */
  readonly seed?: number;
}

/** F over embeddings, for metrics that move the input a little. */
export async function openNoiseSpace<Prompt>(
  model: AttributionModel<Prompt>,
  input: AttributionInput<Prompt>,
  options: Pick<AttributeOptions, 'target' | 'tokenWeights' | 'maximumBatch' | 'signal'>,
): Promise<{ objective: Objective; source: PromptEmbeddings }> {
  checkInput(input);
  const target = resolveTarget(model, input, options.target, options.tokenWeights);
  if (model.embed === undefined || (model.embeddingLogprobs ?? model.gradients) === undefined) {
    throw new AttributionError(
      'unsupported',
      'This metric needs a model with `embed` and `embeddingLogprobs` or `gradients`.',
    );
  }
  const source = await callModel('embed', options.signal, () => model.embed?.(input.prompt));
  if (source === undefined) throw new AttributionError('model-output', '`embed` gave nothing.');
  const meter = new Meter({ clock: () => 0, forwardsTotal: 0 });
  const { maximumBatch, signal } = options;
  return {
    objective: new Objective({
      model,
      prompt: input.prompt,
      source,
      target,
      meter,
      maximumBatch,
      signal,
    }),
    source,
  };
}

/** Noise tensors: the given ones, checked, or `draw` for each entry. */
export function listNoise(
  name: string,
  size: number,
  { noise, samples = 10, seed = 0 }: NoiseOptions,
  draw: (random: ReturnType<typeof createRandom>) => number,
): Float64Array[] {
  if (noise === undefined) {
    return Array.from({ length: samples }, (_, sample) => {
      const random = createRandom(seed, `${name}/${sample}`);
      return Float64Array.from({ length: size }, () => draw(random));
    });
  }
  return noise.map((tensor, index) => {
    if (tensor.length !== size) {
      throw new AttributionError(
        'bad-option',
        `\`noise[${index}]\` must be [P, H] = ${size} numbers, got ${tensor.length}.`,
      );
    }
    return Float64Array.from(tensor);
  });
}
