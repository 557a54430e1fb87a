import { VlmError } from '../errors.js';

/** How logits become the distribution that tokens are drawn from. */
export interface SamplingSettings {
  /** Logits are divided by it; 0 takes the most probable token, the one of the lowest id among equals. */
  readonly temperature: number;
  /** Smallest set of most probable tokens whose probability reaches this; 1: all. */
  readonly topP: number;
  /** Tokens whose logit is among the k largest; equals of the k-th stay too. 0: all. */
  readonly topK: number;
  /** Least probability, as a share of the largest; 0: none. */
  readonly minP: number;
  /** CTRL's penalty on tokens that came before; 1: none. */
  readonly repetitionPenalty: number;
  /** Tokens that are never drawn; see `TokenDistribution.normalizer` for the log-probabilities of others. */
  readonly forbidden: readonly number[];
}

/** The model's own distribution. */
const plainSettings: SamplingSettings = {
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  forbidden: [],
};

/**
 * Fills in defaults and checks.
 *
 * @throws {VlmError} `invalid-argument` naming the option.
 */
export function samplingSettings(
  given: { readonly [Name in keyof SamplingSettings]?: SamplingSettings[Name] | undefined } = {},
): SamplingSettings {
  const settings: SamplingSettings = { ...plainSettings, ...withoutUndefined(given) };
  const { temperature, topP, topK, minP, repetitionPenalty, forbidden } = settings;
  if (!(Number.isFinite(temperature) && temperature >= 0))
    refuse('temperature', 'a number from 0', temperature);
  if (!(topP > 0 && topP <= 1)) refuse('topP', 'a number above 0 and up to 1', topP);
  if (!Number.isSafeInteger(topK) || topK < 0) refuse('topK', 'a whole number from 0', topK);
  if (!(minP >= 0 && minP <= 1)) refuse('minP', 'a number from 0 to 1', minP);
  if (!(Number.isFinite(repetitionPenalty) && repetitionPenalty > 0))
    refuse('repetitionPenalty', 'a number above 0', repetitionPenalty);
  for (const id of forbidden)
    if (!Number.isSafeInteger(id) || id < 0) refuse('forbidden', 'token ids', id);
  return settings;
}

/** An option that is given as `undefined` was not given. */
function withoutUndefined(given: object): Partial<SamplingSettings> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function refuse(name: string, expected: string, got: unknown): never {
  throw new VlmError('invalid-argument', `\`${name}\` must be ${expected}, got ${String(got)}.`);
}
