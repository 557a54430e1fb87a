import { gaussLegendre } from './gauss-legendre.js';
import { gradedGaussLegendre } from './graded-gauss-legendre.js';
import type { Quadrature } from './quadrature.js';
import { left, midpoint, right } from './riemann.js';
import { captumTrapezoid, trapezoid } from './trapezoid.js';

/** Quadrature rules by name. */
export const quadratures: Readonly<Record<QuadratureName, Quadrature>> = {
  gaussLegendre,
  left,
  right,
  midpoint,
  trapezoid,
  captumTrapezoid,
  gradedGaussLegendre,
};

export type QuadratureName =
  | 'gaussLegendre'
  | 'left'
  | 'right'
  | 'midpoint'
  | 'trapezoid'
  | 'captumTrapezoid'
  | 'gradedGaussLegendre';
