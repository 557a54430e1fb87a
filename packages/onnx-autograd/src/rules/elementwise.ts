import type { GradientRule, RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';

/** What the gradient of y = f(x) is made of. */
interface UnaryTerms {
  readonly ops: Operations;
  readonly x: Value;
  readonly dy: Value;
  /** The output, for functions whose derivative is simplest in terms of it. */
  readonly y: () => Value;
  readonly context: RuleContext;
}

/** Rule of a function of one tensor, element by element. */
function unary(gradient: (terms: UnaryTerms) => Value): GradientRule {
  return (context) => {
    const { ops, input, output, gradOutput, needs } = context;
    if (!needs(0)) return [null];
    return [gradient({ ops, x: input(0), dy: gradOutput(0), y: () => output(0), context })];
  };
}

/** Rule of a function of two tensors that broadcast. */
function binary(
  gradients: (
    ops: Operations,
    a: Value,
    b: Value,
    dy: Value,
    y: () => Value,
  ) => readonly [() => Value, () => Value],
): GradientRule {
  return ({ ops, input, output, gradOutput, needs }) => {
    const [da, db] = gradients(ops, input(0), input(1), gradOutput(0), () => output(0));
    return [needs(0) ? da() : null, needs(1) ? db() : null];
  };
}

export const identity: GradientRule = ({ gradOutput }) => [gradOutput(0)];

export const add: GradientRule = binary((_ops, _a, _b, dy) => [() => dy, () => dy]);
export const sub: GradientRule = binary((ops, _a, _b, dy) => [() => dy, () => ops.neg(dy)]);
export const mul: GradientRule = binary((ops, a, b, dy) => [
  () => ops.mul(dy, b),
  () => ops.mul(dy, a),
]);
// d(a/b) = da/b − a·db/b²
export const div: GradientRule = binary((ops, _a, b, dy, y) => [
  () => ops.div(dy, b),
  () => ops.neg(ops.div(ops.mul(dy, y()), b)),
]);

// y = a^b:  da = dy·b·a^(b−1),  db = dy·y·ln a. Where a is 0, b's part is 0: 0^b does not move.
export const pow: GradientRule = ({ ops, input, output, gradOutput, needs, constants, typeOf }) => {
  const a = input(0);
  const dy = gradOutput(0);
  const exponents = constants(1);
  const exponent = exponents?.length === 1 ? exponents[0] : undefined;
  const base = (): Value => {
    if (exponent === 2) return ops.mul(dy, ops.mul(a, 2));
    if (exponent === 1) return dy;
    const type = typeOf(0);
    const power = ops.cast(input(1), type);
    const lowered = ops.pow(a, ops.sub(power, ops.scalar(1, type)));
    const slope = ops.mul(power, lowered);
    if (exponent !== undefined && exponent !== 0) return ops.mul(dy, slope);
    // At a = 0 and b = 0 the slope is 0 · ∞.
    return ops.mul(dy, ops.where(ops.equal(power, 0), 0, slope));
  };
  const power = (): Value => {
    const isZero = ops.equal(a, 0);
    const logarithm = ops.log(ops.where(isZero, 1, a));
    const slope = ops.mul(dy, ops.mul(output(0), ops.where(isZero, 0, logarithm)));
    return ops.cast(slope, typeOf(1));
  };
  return [needs(0) ? base() : null, needs(1) ? power() : null];
};

export const neg: GradientRule = unary(({ ops, dy }) => ops.neg(dy));
export const exp: GradientRule = unary(({ ops, dy, y }) => ops.mul(dy, y()));
export const log: GradientRule = unary(({ ops, dy, x }) => ops.div(dy, x));
export const abs: GradientRule = unary(({ ops, dy, x }) => ops.mul(dy, ops.sign(x)));
export const sqrt: GradientRule = unary(({ ops, dy, y }) => ops.div(ops.mul(dy, 0.5), y()));
export const reciprocal: GradientRule = unary(({ ops, dy, y }) =>
  ops.neg(ops.mul(dy, ops.square(y()))),
);
export const sin: GradientRule = unary(({ ops, dy, x }) => ops.mul(dy, ops.cos(x)));
export const cos: GradientRule = unary(({ ops, dy, x }) => ops.neg(ops.mul(dy, ops.sin(x))));
// tan' = 1 + tan²
export const tan: GradientRule = unary(({ ops, dy, y }) =>
  ops.mul(dy, ops.add(ops.square(y()), 1)),
);
export const asin: GradientRule = unary(({ ops, dy, x }) =>
  ops.div(dy, ops.sqrt(ops.sub(1, ops.square(x)))),
);
export const acos: GradientRule = unary(({ ops, dy, x }) =>
  ops.neg(ops.div(dy, ops.sqrt(ops.sub(1, ops.square(x))))),
);
export const atan: GradientRule = unary(({ ops, dy, x }) => ops.div(dy, ops.add(ops.square(x), 1)));
export const sinh: GradientRule = unary(({ ops, dy, x }) => ops.mul(dy, ops.emit('Cosh', [x])));
export const cosh: GradientRule = unary(({ ops, dy, x }) => ops.mul(dy, ops.emit('Sinh', [x])));
export const asinh: GradientRule = unary(({ ops, dy, x }) =>
  ops.div(dy, ops.sqrt(ops.add(ops.square(x), 1))),
);
export const acosh: GradientRule = unary(({ ops, dy, x }) =>
  ops.div(dy, ops.sqrt(ops.sub(ops.square(x), 1))),
);
export const atanh: GradientRule = unary(({ ops, dy, x }) =>
  ops.div(dy, ops.sub(1, ops.square(x))),
);
export const tanh: GradientRule = unary(({ ops, dy, y }) =>
  ops.mul(dy, ops.sub(1, ops.square(y()))),
);
// erf' = 2/√π · e^(−x²)
export const erf: GradientRule = unary(({ ops, dy, x }) =>
  ops.mul(dy, ops.mul(ops.exp(ops.neg(ops.square(x))), 2 / Math.sqrt(Math.PI))),
);

/** Conversion between floating types: the gradient goes back in the input's type. */
export const cast: GradientRule = unary(({ ops, dy, x }) => ops.cast(dy, ops.typeOf(x)));
export const castLike: GradientRule = ({ ops, input, gradOutput }) => [
  ops.cast(gradOutput(0), ops.typeOf(input(0))),
  // Input 1 lends only its type.
  ops.zerosLike(input(1)),
];

export const where: GradientRule = ({ ops, input, gradOutput, needs }) => {
  const condition = input(0);
  const dy = gradOutput(0);
  return [
    null,
    needs(1) ? ops.where(condition, dy, 0) : null,
    needs(2) ? ops.where(condition, 0, dy) : null,
  ];
};

/** Sum and Mean of any number of tensors. */
export const sumOfInputs: GradientRule = ({ node, gradOutput }) =>
  node.inputs.map(() => gradOutput(0));
export const meanOfInputs: GradientRule = ({ node, ops, gradOutput }) => {
  const share = ops.mul(gradOutput(0), 1 / node.inputs.length);
  return node.inputs.map(() => share);
};

/** Min and Max: the gradient goes to the inputs that are the extreme, shared evenly between ties. */
export const extreme: GradientRule = ({ node, ops, input, output, gradOutput, needs }) => {
  const dy = gradOutput(0);
  const masks = node.inputs.map((_, index) =>
    ops.indicator(ops.equal(input(index), output(0)), dy),
  );
  const ties = masks.slice(1).reduce((sum, mask) => ops.add(sum, mask), masks[0] ?? dy);
  const share = masks.length === 1 ? dy : ops.div(dy, ties);
  return masks.map((mask, index) => (needs(index) ? ops.mul(share, mask) : null));
};

/** Clip: passes where the value is inside, bounds included (as PyTorch's clamp); bounds get the rest. */
export const clip: GradientRule = ({
  ops,
  input,
  optionalInput,
  gradOutput,
  needs,
  attributes,
  inputCount,
}) => {
  const x = input(0);
  const dy = gradOutput(0);
  const boundOf = (bound: Value | number): Value =>
    typeof bound === 'string' ? bound : ops.scalar(bound, ops.typeOf(x));
  const lowest = optionalInput(1) ?? attributes.float('min');
  const highest = optionalInput(2) ?? attributes.float('max');
  const below = lowest === undefined ? undefined : ops.less(x, lowest);
  const raised = lowest === undefined ? x : ops.emit('Max', [x, boundOf(lowest)]);
  const above = highest === undefined ? undefined : ops.greater(raised, highest);
  const unless = (condition: Value | undefined, value: Value): Value =>
    condition === undefined ? value : ops.where(condition, 0, value);
  return [
    needs(0) ? unless(above, unless(below, dy)) : null,
    // Where the bounds are the wrong way round, the upper one wins.
    needs(1) && below !== undefined ? unless(above, ops.where(below, dy, 0)) : null,
    needs(2) && above !== undefined ? ops.where(above, dy, 0) : null,
  ].slice(0, Math.max(1, inputCount));
};

/** Dropout as inference runs it, which changes nothing. */
export const dropout: GradientRule = ({ gradOutput, constants, optionalInput, unsupported }) => {
  if (optionalInput(2) !== undefined && constants(2)?.[0] !== 0) {
    unsupported('is for inference: training_mode must be a constant false');
  }
  return [gradOutput(0), null, null];
};

/** Mod of floats (fmod = 1): x − trunc(x / m)·m. */
export const mod: GradientRule = ({ ops, input, gradOutput, needs }) => {
  const dy = gradOutput(0);
  const quotient = (): Value => {
    const ratio = ops.div(input(0), input(1));
    return ops.mul(ops.sign(ratio), ops.emit('Floor', [ops.emit('Abs', [ratio])]));
  };
  return [needs(0) ? dy : null, needs(1) ? ops.neg(ops.mul(dy, quotient())) : null];
};
