import { groupQueryAttention } from './group-query-attention.js';
import { multiHeadAttention } from './multi-head-attention.js';
import { packedAttention } from './packed-attention.js';
import type { Rewrites } from './rewrite.js';
import { skipLayerNormalization, skipSimplifiedLayerNormalization } from './skip-normalization.js';
import { standardAttention } from './standard-attention.js';

/**
 * Operators that are said in terms of others before they are differentiated, by domain and operator.
 *
 * Fused attention keeps nothing that its gradient could use, so its forward would be computed twice; the
 * skip norms are an addition and a norm that has a rule.
 */
export const rewrites: Rewrites = {
  '': {
    Attention: standardAttention,
  },
  'com.microsoft': {
    Attention: packedAttention,
    GroupQueryAttention: groupQueryAttention,
    MultiHeadAttention: multiHeadAttention,
    SkipLayerNormalization: skipLayerNormalization,
    SkipSimplifiedLayerNormalization: skipSimplifiedLayerNormalization,
  },
};
