import type { GradientRule, RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';
import { slopeOfFused } from './fused-activation.js';

// Y = A B:  dA = dY Bᵀ,  dB = Aᵀ dY; vectors are seen as one row or one column.
export const matMul: GradientRule = (context) => {
  const { ops, input, gradOutput, needs, shapeOf } = context;
  const [rankA, rankB] = [shapeOf(0)?.length, shapeOf(1)?.length];
  if (rankA === undefined || rankB === undefined) return matMulOfUnknownRanks(context);
  const isRow = rankA === 1;
  const isColumn = rankB === 1;
  const a = isRow ? ops.unsqueeze(input(0), [0]) : input(0);
  const b = isColumn ? ops.unsqueeze(input(1), [1]) : input(1);
  let dy = gradOutput(0);
  if (isColumn) dy = ops.unsqueeze(dy, [-1]);
  if (isRow) dy = ops.unsqueeze(dy, [-2]);
  const gradientA = (): Value => {
    const gradient = ops.matMul(dy, b, { transposeB: true });
    keepMatrix(ops, gradient, a);
    return isRow ? ops.squeeze(gradient, [-2]) : gradient;
  };
  const gradientB = (): Value => {
    const gradient = productOfRows(ops, a, dy, rankA, rankB);
    keepMatrix(ops, gradient, b);
    return isColumn ? ops.squeeze(gradient, [-1]) : gradient;
  };
  return [needs(0) ? gradientA() : null, needs(1) ? gradientB() : null];
};

/** Records that only batch axes of an operand are stretched: its gradient has the matrix of the operand. */
function keepMatrix(ops: Operations, gradient: Value, operand: Value): void {
  const { inference } = ops.builder;
  const [found, matrix] = [ops.shapeInfo(gradient), ops.shapeInfo(operand)];
  if (found === undefined || matrix === undefined) return;
  const shape = [...found.slice(0, -2), ...matrix.slice(-2)];
  inference.set(gradient, { type: inference.info(gradient).type, shape });
}

/** The same with what is a vector found while the graph runs. */
function matMulOfUnknownRanks({ ops, input, gradOutput, needs }: RuleContext): (Value | null)[] {
  const end = Number.MAX_SAFE_INTEGER;
  const [a, b, dy] = [input(0), input(1), gradOutput(0)];
  const [shapeA, shapeB, shapeY] = [ops.shape(a), ops.shape(b), ops.shape(dy)];
  const rank = (shape: Value): Value => ops.emit('Shape', [shape]);
  // 1 for a vector, else 0.
  const lacks = (shape: Value): Value =>
    ops.emit('Max', [ops.sub(ops.int64([2]), rank(shape)), ops.int64([0])]);
  const ones = (shape: Value): Value => ops.fill(lacks(shape), 1, 'int64');
  const matrixA = ops.concat([ones(shapeA), shapeA], 0);
  const matrixB = ops.concat([shapeB, ones(shapeB)], 0);
  const vectors = ops.add(lacks(shapeA), lacks(shapeB));
  const batchRank = ops.add(ops.sub(rank(shapeY), ops.int64([2])), vectors);
  const matrixY = ops.concat(
    [
      ops.slice(shapeY, 0, batchRank, 0),
      ops.slice(matrixA, -2, -1, 0),
      ops.slice(matrixB, -1, end, 0),
    ],
    0,
  );
  const whole = (x: Value, shape: Value): Value => ops.reshape(x, shape, { allowzero: 1 });
  const dyMatrix = whole(dy, matrixY);
  const gradientB = (): Value => {
    const product = ops.matMul(whole(a, matrixA), dyMatrix, { transposeA: true });
    const batch = ops.slice(ops.shape(product), 0, -2, 0);
    return whole(product, ops.concat([batch, ops.slice(shapeB, -2, end, 0)], 0));
  };
  return [
    // A row [1, k] is summed back to a vector [k] by the driver.
    needs(0) ? ops.matMul(dyMatrix, whole(b, matrixB), { transposeB: true }) : null,
    needs(1) ? gradientB() : null,
  ];
}

/** Aᵀ dY; for a plain weight matrix all batches are rows of one product, instead of a sum of products. */
function productOfRows(
  ops: Operations,
  a: Value,
  dy: Value,
  rankA: number | undefined,
  rankB: number | undefined,
): Value {
  if (rankB !== 2 || rankA === undefined || rankA <= 2)
    return ops.matMul(a, dy, { transposeA: true });
  const rows = (x: Value): Value => ops.emit('Flatten', [x], { attributes: { axis: -1 } });
  return ops.matMul(rows(a), rows(dy), { transposeA: true });
}

/** FusedMatMul and TransposeMatMul: Y = α op(A) op(B). */
export const fusedMatMul: GradientRule = ({
  ops,
  input,
  gradOutput,
  needs,
  attributes,
  unsupported,
  shapeOf,
}) => {
  if (attributes.int('transBatchA', 0) !== 0 || attributes.int('transBatchB', 0) !== 0) {
    unsupported('does not know transBatchA and transBatchB');
  }
  const isTransposed = (name: string): boolean => attributes.int(name, 0) === 1;
  const [transposeA, transposeB] = [isTransposed('transA'), isTransposed('transB')];
  const scale = attributes.float('alpha', 1);
  const [a, b, dy] = [input(0), input(1), gradOutput(0)];
  if ((shapeOf(0)?.length ?? 2) < 2 || (shapeOf(1)?.length ?? 2) < 2) {
    unsupported('needs operands of two dimensions or more');
  }
  const gradientA = (): Value =>
    transposeA
      ? ops.matMul(b, dy, { transposeA: transposeB, transposeB: true, scale })
      : ops.matMul(dy, b, { transposeB: !transposeB, scale });
  const gradientB = (): Value =>
    transposeB
      ? ops.matMul(dy, a, { transposeA: true, transposeB: transposeA, scale })
      : ops.matMul(a, dy, { transposeA: !transposeA, scale });
  return [needs(0) ? gradientA() : null, needs(1) ? gradientB() : null];
};

// Y = α A' B' + β C
export const gemm: GradientRule = (context) => gemmGradients(context, context.gradOutput(0));

/** FusedGemm of com.microsoft: Gemm with an activation. */
export const fusedGemm: GradientRule = (context) => {
  const { attributes } = context;
  const [alpha, beta] = [attributes.float('activation_alpha'), attributes.float('activation_beta')];
  return gemmGradients(context, slopeOfFused(context, { alpha, beta }));
};

function gemmGradients(context: RuleContext, dy: Value): (Value | null)[] {
  const { ops, input, needs, attributes } = context;
  const scale = attributes.float('alpha', 1);
  const transposeA = attributes.int('transA', 0) === 1;
  const transposeB = attributes.int('transB', 0) === 1;
  const gradientA = (): Value =>
    transposeA
      ? ops.matMul(input(1), dy, { transposeA: transposeB, transposeB: true, scale })
      : ops.matMul(dy, input(1), { transposeB: !transposeB, scale });
  const gradientB = (): Value =>
    transposeB
      ? ops.matMul(dy, input(0), { transposeA: true, transposeB: transposeA, scale })
      : ops.matMul(input(0), dy, { transposeA: !transposeA, scale });
  return [
    needs(0) ? gradientA() : null,
    needs(1) ? gradientB() : null,
    needs(2) ? ops.mul(dy, attributes.float('beta', 1)) : null,
  ];
}

// Inverse of com.microsoft, Y = X⁻¹:  dX = −Yᵀ dY Yᵀ
export const inverse: GradientRule = ({ ops, output, gradOutput }) => {
  const y = output(0);
  const left = ops.matMul(y, gradOutput(0), { transposeA: true });
  return [ops.neg(ops.matMul(left, y, { transposeB: true }))];
};

/**
 * Einsum: the gradient of an operand is the einsum of dY with the other operands. Letters that only this
 * operand has were summed away, so its gradient is the same along them.
 */
export const einsum: GradientRule = (context) => {
  const { ops, input, gradOutput, needs } = context;
  const { terms, result } = einsumTerms(context);
  const dy = gradOutput(0);
  return terms.map((term, index) => {
    if (!needs(index)) return null;
    const others = terms.flatMap((other, position) =>
      position === index ? [] : [{ other, position }],
    );
    const available = new Set([...result, ...others.flatMap(({ other }) => [...other])]);
    const kept = [...term].filter((letter) => available.has(letter));
    const equation = `${[result, ...others.map(({ other }) => other)].join(',')}->${kept.join('')}`;
    const operands = [dy, ...others.map(({ position }) => input(position))];
    const gradient = ops.emit('Einsum', operands, { attributes: { equation } });
    // An operand of size 1 along a shared letter stretches to the others; so does a gradient made of them.
    if (kept.length === term.length) return ops.expand(gradient, ops.shape(input(index)));
    const lost = [...term].flatMap((letter, axis) => (available.has(letter) ? [] : [axis]));
    return ops.expand(ops.unsqueeze(gradient, lost), ops.shape(input(index)));
  });
};

/** Letters of each operand and of the result, with the ellipsis spelled out. */
function einsumTerms(context: RuleContext): { terms: string[]; result: string } {
  const { attributes, node, rankOf, unsupported } = context;
  const equation = attributes.string('equation', '').replaceAll(' ', '');
  const [left = '', right] = equation.split('->');
  const unused = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'].filter(
    (letter) => !equation.includes(letter),
  );
  const spelled = left.split(',').map((term, index) => {
    if (!term.includes('...')) return { term, ellipsis: '' };
    const count = rankOf(index) - (term.length - 3);
    const ellipsis = unused
      .slice(0, 10)
      .slice(10 - count)
      .join('');
    return { term: term.replace('...', ellipsis), ellipsis };
  });
  const terms = spelled.map(({ term }) => term);
  if (terms.some((term) => new Set(term).size !== term.length)) {
    unsupported(`does not know a letter twice in one operand ("${equation}")`);
  }
  if (terms.length !== node.inputs.length)
    unsupported(`has another number of operands than "${equation}"`);
  const ellipsis = spelled
    .map((entry) => entry.ellipsis)
    .reduce((a, b) => (a.length >= b.length ? a : b));
  if (right !== undefined) return { terms, result: right.replace('...', ellipsis) };
  // Without an arrow the result holds, in order, the letters that occur once.
  const letters = left.replaceAll('...', '').replaceAll(',', '');
  const once = [...letters].filter((letter) => letters.split(letter).length === 2).sort();
  return { terms, result: ellipsis + once.join('') };
}
