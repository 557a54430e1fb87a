/**
 * An estimator of KL(policy ‖ reference) from one sampled token.
 *
 * `p` is the policy's log-probability of the token and `q` the reference's, both in nats.
 */
export interface KlEstimator {
  readonly name: string;
  /** The estimate for one token. */
  readonly value: (p: number, q: number) => number;
  /** ∂value/∂p as the loss uses it; the straight-through forms report k2's here. */
  readonly derivative: (p: number, q: number) => number;
  /** Formula and where it comes from. */
  readonly source: string;
}
