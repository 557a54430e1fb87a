import { AttributionError } from '../errors.js';
import type { Link, Target } from './target.js';

const identity: Link = { name: 'identity', value: (sum) => sum, derivative: () => 1 };

/** exp: from the log-probability of the whole call to its probability. */
const exponential: Link = { name: 'exp', value: Math.exp, derivative: Math.exp };

/** ln p − ln(1 − p) from s = ln p. `expm1` keeps 1 − p exact when p is near 1; p = 1 has no logit. */
const logitOfExponential: Link = {
  name: 'logitExp',
  value: (sum) => sum - Math.log(-Math.expm1(sum)),
  derivative: (sum) => -1 / Math.expm1(sum),
};

/** Σ log p(y_t | x, y_<t), in nats: the target of IAPO. */
const logProbability: Target = { name: 'logProbability', quantity: 'logprob', link: identity };

/** p of the whole call; saturates, so gradients vanish near 0 and 1. */
const probability: Target = { name: 'probability', quantity: 'logprob', link: exponential };

/** Sum of the raw logits of the completion's tokens. */
const logit: Target = { name: 'logit', quantity: 'logit', link: identity };

/** ln(p / (1 − p)) of the whole call (ContextCite's target). */
const logitProbability: Target = {
  name: 'logitProbability',
  quantity: 'logprob',
  link: logitOfExponential,
};

/**
 * log p(this call) − log p(another call): what speaks for this call rather than for the other one.
 *
 * @param completion Token ids of the other call.
 * @param options.weights One weight a token of it. Default: all 1.
 */
export function contrastive(
  completion: readonly number[],
  { weights }: { weights?: readonly number[] } = {},
): Target {
  if (completion.length === 0) {
    throw new AttributionError('bad-option', 'A contrastive target needs at least one token.');
  }
  return {
    name: 'contrastive',
    quantity: 'logprob',
    link: identity,
    contrast: weights === undefined ? { completion } : { completion, weights },
  };
}

/** Targets by name; `contrastive(completion)` needs the other call and so is a function. */
export const targets: Readonly<Record<TargetName, Target>> = {
  logProbability,
  probability,
  logit,
  logitProbability,
};

export type TargetName = 'logProbability' | 'probability' | 'logit' | 'logitProbability';
