import { AttributionError } from './errors.js';
import type { AttributionInput } from './input.js';
import { attributionMethods } from './methods/index.js';
import type { AttributionMethod, Capability } from './methods/method.js';
import type { AttributionModel, MaskMode } from './model.js';

type Probe = (
  model: AttributionModel,
  input: AttributionInput,
  maskMode: MaskMode,
) => string | null;

/** For each capability: `null` when the model has it, else what is missing. */
const probes: Readonly<Record<Capability, Probe>> = {
  gradients: (model) => missing(model, ['embed', 'gradients']),
  coalitions: (model, input, maskMode) =>
    scoresCoalitionsByPrompt(model, input, maskMode)
      ? null
      : missingForCoalitions(model, input, maskMode),
  attention: (model) => missing(model, ['embed', 'attention']),
  attentionGradients: (model) => missing(model, ['embed', 'attention']),
  layerOutputs: (model) => missing(model, ['embed', 'layerOutputs', 'layerCount']),
};

/**
 * Why a method cannot explain this input with this model; `null` when it can.
 */
export function explainRefusal(
  method: AttributionMethod,
  model: AttributionModel,
  input: AttributionInput,
  maskMode: MaskMode = 'baseline',
): string | null {
  for (const capability of method.needs) {
    const reason = probes[capability](model, input, maskMode);
    if (reason !== null) return `it needs ${describe[capability]}, and ${reason}`;
  }
  return null;
}

/** Every built-in method with the reason why this model cannot serve it, or `null`. */
export function listMethods<Prompt>(
  model: AttributionModel<Prompt>,
  input: AttributionInput<Prompt>,
  maskMode: MaskMode = 'baseline',
): { name: string; method: AttributionMethod; refusal: string | null }[] {
  return Object.values(attributionMethods).map((method) => ({
    name: method.name,
    method,
    refusal: explainRefusal(method, model, input, maskMode),
  }));
}

/** @throws {AttributionError} `unsupported` with the reason. */
export function requireMethod(
  method: AttributionMethod,
  model: AttributionModel,
  input: AttributionInput,
  maskMode: MaskMode,
): void {
  const reason = explainRefusal(method, model, input, maskMode);
  if (reason === null) return;
  const able = Object.values(attributionMethods)
    .filter((other) => explainRefusal(other, model, input, maskMode) === null)
    .map(({ name }) => name);
  throw new AttributionError(
    'unsupported',
    `Method "${method.name}" cannot explain this model: ${reason}. This model can serve: ${able.join(', ') || 'none'}.`,
  );
}

/** Whether coalitions go through whole prompts: when the model has no embeddings, or cannot mask them this way. */
export function scoresCoalitionsByPrompt(
  model: AttributionModel,
  input: AttributionInput,
  maskMode: MaskMode,
): boolean {
  if (model.logprobs === undefined || input.maskPrompt === undefined) return false;
  return missingForEmbeddings(model, maskMode) !== null;
}

const describe: Readonly<Record<Capability, string>> = {
  gradients: 'gradients with respect to the prompt embeddings',
  coalitions: 'scores of prompts that lack some of their parts',
  attention: 'attention weights',
  attentionGradients: 'gradients of attention weights',
  layerOutputs: 'hidden states with the values of one position at zero',
};

function missing(
  model: AttributionModel,
  members: readonly (keyof AttributionModel)[],
): string | null {
  const absent = members.filter((name) => model[name] === undefined);
  return absent.length === 0
    ? null
    : `the model lacks ${absent.map((name) => `\`${name}\``).join(' and ')}`;
}

function missingForEmbeddings(model: AttributionModel, maskMode: MaskMode): string | null {
  if (model.embed === undefined) return 'the model lacks `embed`';
  if (model.embeddingLogprobs === undefined && model.gradients === undefined) {
    return 'the model lacks `embeddingLogprobs` (or `gradients`)';
  }
  if (maskMode !== 'baseline' && model.maskModes?.includes(maskMode) !== true) {
    return `the model's \`maskModes\` does not list "${maskMode}"`;
  }
  return null;
}

function missingForCoalitions(
  model: AttributionModel,
  input: AttributionInput,
  maskMode: MaskMode,
): string | null {
  const reason = missingForEmbeddings(model, maskMode);
  if (reason === null) return null;
  if (model.logprobs === undefined) return `${reason}, nor has it \`logprobs\` for whole prompts`;
  return input.maskPrompt === undefined ? `${reason}, and the input has no \`maskPrompt\`` : reason;
}
