import type { GradientRule } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';

export const relu: GradientRule = ({ ops, input, gradOutput }) => [
  ops.where(ops.greater(input(0), 0), gradOutput(0), 0),
];

export const leakyRelu: GradientRule = ({ ops, input, gradOutput, attributes }) => {
  const dy = gradOutput(0);
  return [ops.where(ops.greater(input(0), 0), dy, ops.mul(dy, attributes.float('alpha', 0.01)))];
};

export const pRelu: GradientRule = ({ ops, input, gradOutput, needs }) => {
  const [x, slope, dy] = [input(0), input(1), gradOutput(0)];
  const isPositive = ops.greater(x, 0);
  return [
    needs(0) ? ops.where(isPositive, dy, ops.mul(dy, slope)) : null,
    needs(1) ? ops.where(isPositive, 0, ops.mul(dy, x)) : null,
  ];
};

// y = x for x > θ, else 0
export const thresholdedRelu: GradientRule = ({ ops, input, gradOutput, attributes }) => [
  ops.where(ops.greater(input(0), attributes.float('alpha', 1)), gradOutput(0), 0),
];

// y = α(eˣ − 1) for x ≤ 0
export const elu: GradientRule = ({ ops, input, gradOutput, attributes }) => {
  const [x, dy] = [input(0), gradOutput(0)];
  const slope = ops.mul(ops.exp(negativePart(ops, x)), attributes.float('alpha', 1));
  return [ops.where(ops.greater(x, 0), dy, ops.mul(dy, slope))];
};

// y = max(0, x) + min(0, α(e^(x/α) − 1))
export const celu: GradientRule = ({ ops, input, gradOutput, attributes }) => {
  const [x, dy] = [input(0), gradOutput(0)];
  const slope = ops.exp(ops.mul(negativePart(ops, x), 1 / attributes.float('alpha', 1)));
  return [ops.where(ops.greater(x, 0), dy, ops.mul(dy, slope))];
};

// y = γx for x > 0, γα(eˣ − 1) below; the constants are those of Klambauer et al. 2017.
export const selu: GradientRule = ({ ops, input, gradOutput, attributes }) => {
  const [x, dy] = [input(0), ops.mul(gradOutput(0), attributes.float('gamma', 1.0507010221481323))];
  const slope = ops.mul(
    ops.exp(negativePart(ops, x)),
    attributes.float('alpha', 1.6732631921768188),
  );
  return [ops.where(ops.greater(x, 0), dy, ops.mul(dy, slope))];
};

/** min(x, 0), so that an exponential of the branch that is not taken cannot overflow. */
function negativePart(ops: Operations, x: Value): Value {
  return ops.where(ops.greater(x, 0), 0, x);
}

// σ' = σ(1 − σ)
export const sigmoid: GradientRule = ({ ops, output, gradOutput }) => {
  const y = output(0);
  return [ops.mul(gradOutput(0), ops.mul(y, ops.sub(1, y)))];
};

// y = clamp(αx + β, 0, 1)
export const hardSigmoid: GradientRule = ({ ops, input, gradOutput, attributes }) => {
  const [alpha, beta] = [attributes.float('alpha', 0.2), attributes.float('beta', 0.5)];
  const line = ops.add(ops.mul(input(0), alpha), beta);
  const inside = ops.and(ops.greater(line, 0), ops.less(line, 1));
  return [ops.where(inside, ops.mul(gradOutput(0), alpha), 0)];
};

// y = x · clamp(x/6 + 1/2, 0, 1)
export const hardSwish: GradientRule = ({ ops, input, gradOutput }) => {
  const [x, dy] = [input(0), gradOutput(0)];
  const middle = ops.mul(dy, ops.add(ops.mul(x, 1 / 3), 0.5));
  const upper = ops.where(ops.greaterOrEqual(x, 3), dy, middle);
  return [ops.where(ops.lessOrEqual(x, -3), 0, upper)];
};

// softplus' = σ
export const softplus: GradientRule = ({ ops, input, gradOutput }) => [
  ops.mul(gradOutput(0), ops.sigmoid(input(0))),
];

// y = x / (1 + |x|)
export const softsign: GradientRule = ({ ops, input, gradOutput }) => [
  ops.div(gradOutput(0), ops.square(ops.add(ops.emit('Abs', [input(0)]), 1))),
];

// y = x · tanh(softplus(x));  dy/dx = t + x(1 − t²)σ
export const mish: GradientRule = ({ ops, input, gradOutput }) => {
  const x = input(0);
  const t = ops.tanh(ops.emit('Softplus', [x]));
  const slope = ops.mul(ops.mul(x, ops.sub(1, ops.square(t))), ops.sigmoid(x));
  return [ops.mul(gradOutput(0), ops.add(t, slope))];
};

// y = x ± bias outside [−λ, λ], 0 inside
export const shrink: GradientRule = ({ ops, input, gradOutput, attributes }) => {
  const lambda = attributes.float('lambd', 0.5);
  const inside = ops.lessOrEqual(ops.emit('Abs', [input(0)]), lambda);
  return [ops.where(inside, 0, gradOutput(0))];
};

/** y = x σ(αx): Swish of operator set 24 and QuickGelu of com.microsoft. */
export function scaledSwish(defaultAlpha: number): GradientRule {
  return ({ ops, input, gradOutput, attributes }) => {
    const alpha = attributes.float('alpha', defaultAlpha);
    const x = input(0);
    const s = ops.sigmoid(ops.mul(x, alpha));
    // s + αx s(1 − s)
    const slope = ops.mul(s, ops.add(ops.mul(ops.mul(x, alpha), ops.sub(1, s)), 1));
    return [ops.mul(gradOutput(0), slope)];
  };
}

/** Derivative of x Φ(x). */
function geluSlope(ops: Operations, x: Value): Value {
  const cumulative = ops.mul(ops.add(ops.erf(ops.mul(x, Math.SQRT1_2)), 1), 0.5);
  const density = ops.mul(ops.exp(ops.mul(ops.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return ops.add(cumulative, ops.mul(x, density));
}

/** Derivative of 0.5x(1 + tanh(√(2/π)(x + 0.044715x³))). */
function geluTanhSlope(ops: Operations, x: Value): Value {
  const factor = Math.sqrt(2 / Math.PI);
  const squared = ops.square(x);
  const t = ops.tanh(ops.mul(ops.mul(x, ops.add(ops.mul(squared, 0.044715), 1)), factor));
  const inner = ops.mul(ops.add(ops.mul(squared, 3 * 0.044715), 1), factor);
  const left = ops.mul(ops.add(t, 1), 0.5);
  const right = ops.mul(ops.mul(ops.mul(x, 0.5), ops.sub(1, ops.square(t))), inner);
  return ops.add(left, right);
}

export const gelu: GradientRule = ({ ops, input, gradOutput, attributes }) => {
  const slope = attributes.string('approximate', 'none') === 'tanh' ? geluTanhSlope : geluSlope;
  return [ops.mul(gradOutput(0), slope(ops, input(0)))];
};

/** BiasGelu: x and bias get the same gradient; the driver sums the bias's. */
export const biasGelu: GradientRule = ({ ops, input, gradOutput }) => {
  const gradient = ops.mul(gradOutput(0), geluSlope(ops, ops.add(input(0), input(1))));
  return [gradient, gradient];
};

/** FastGelu: tanh form, with an optional bias. */
export const fastGelu: GradientRule = ({ ops, input, optionalInput, gradOutput }) => {
  const bias = optionalInput(1);
  const x = bias === undefined ? input(0) : ops.add(input(0), bias);
  const gradient = ops.mul(gradOutput(0), geluTanhSlope(ops, x));
  return [gradient, gradient];
};

// dx = y ⊙ (dy − Σ dy ⊙ y)
export const softmax: GradientRule = ({ ops, output, gradOutput, attributes }) => {
  const y = output(0);
  const weighted = ops.mul(gradOutput(0), y);
  const total = ops.reduceSum(weighted, [attributes.int('axis', -1)], true);
  return [ops.sub(weighted, ops.mul(y, total))];
};

// dx = dy − e^y Σ dy
export const logSoftmax: GradientRule = ({ ops, output, gradOutput, attributes }) => {
  const dy = gradOutput(0);
  const total = ops.reduceSum(dy, [attributes.int('axis', -1)], true);
  return [ops.sub(dy, ops.mul(ops.exp(output(0)), total))];
};
