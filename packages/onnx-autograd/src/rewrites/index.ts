import type { Rewrites } from './rewrite-nodes.js';

/** Operators that are said in terms of others before they are differentiated. */
export const rewrites: Rewrites = {
  'com.microsoft': {},
};
