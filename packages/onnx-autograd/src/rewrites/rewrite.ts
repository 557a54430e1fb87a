import type { RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';

/**
 * Says an operator in terms of others that have gradient rules: adds nodes and returns one value for each
 * output (`null` for one that is left out).
 */
export type Rewrite = (context: RewriteContext) => readonly (Value | null)[];

/** What a rewrite sees of its node: a rule context without gradients. */
export type RewriteContext = Omit<
  RuleContext,
  'gradOutput' | 'optionalGradOutput' | 'needs' | 'output'
>;

/** Rewrites by domain and operator. */
export type Rewrites = Readonly<Record<string, Readonly<Record<string, Rewrite>>>>;
