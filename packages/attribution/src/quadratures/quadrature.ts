/** Nodes and weights on [0, 1]: `∫₀¹ f(α) dα ≈ Σ_k weights[k] · f(alphas[k])`. */
export interface QuadratureRule {
  readonly alphas: readonly number[];
  readonly weights: readonly number[];
}

/** A family of rules, one for each number of points. */
export interface Quadrature {
  readonly name: string;
  readonly parameters?: Readonly<Record<string, number>>;
  /** Rule with `steps` points (composite rules round to what they can offer). */
  rule(steps: number): QuadratureRule;
  /** Fewest points for which the rule is defined. */
  readonly minimumSteps: number;
}
