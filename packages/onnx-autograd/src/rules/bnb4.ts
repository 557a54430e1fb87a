import type { GradientRule } from '../differentiate/gradient-rule.js';

/** FP4: a sign, two bits of exponent and one of fraction. */
const positiveFp4: readonly number[] = [0, 1 / 192, 2 / 3, 1, 1 / 3, 1 / 2, 1 / 6, 1 / 4];

/** The sixteen numbers of each 4-bit type, scaled to a largest of 1, by the attribute `quant_type`. */
const codebooks: readonly (readonly number[])[] = [
  [...positiveFp4, ...positiveFp4.map((value) => -value)],
  // NF4: quantiles of the normal distribution.
  [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1,
  ],
];

/**
 * MatMulBnb4, Y = X Wᵀ with a weight `[N, K]` of 4-bit floats in blocks: dX = dY W. The weight is looked up,
 * two numbers a byte, the upper half first, and scaled by its block's largest; it has no gradient itself.
 *
 * @see Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs", 2023, appendix E (the numbers of NF4).
 */
export const matMulBnb4: GradientRule = (context) => {
  const { ops, gradOutput, attributes, input, needs, unsupported, node, typeOf } = context;
  if (node.inputs.some((_, index) => index > 0 && needs(index))) {
    unsupported('does not reach quantized weights and scales; train LoRA branches instead');
  }
  if (attributes.int('transB', 1) !== 1) unsupported('knows transB of 1 only');
  const codebook = codebooks[attributes.int('quant_type', 0)];
  if (codebook === undefined) return unsupported('knows the types FP4 (0) and NF4 (1)');
  const [rows, columns] = [attributes.int('N', 0), attributes.int('K', 0)];
  const blockSize = attributes.int('block_size', 0);
  const type = typeOf(2);
  const pairs = Array.from({ length: 512 }, (_, index) => {
    const byte = index >> 1;
    return codebook[index % 2 === 0 ? byte >> 4 : byte & 15] ?? 0;
  });
  const table = ops.builder.constant(type, [256, 2], pairs);
  const flat = ops.reshape(ops.gather(table, ops.cast(input(1), 'int32'), 0), [-1]);
  const count = rows * columns;
  const blocks = Math.ceil(count / blockSize);
  // The last block may not be full: scales are stretched to numbers, and cut.
  const scales = ops.expand(ops.reshape(input(2), [blocks, 1]), ops.int64([blocks, blockSize]));
  const scaled = ops.mul(
    ops.slice(flat, 0, count, 0),
    ops.slice(ops.reshape(scales, [-1]), 0, count, 0),
  );
  const weight = ops.reshape(scaled, [rows, columns]);
  const dy = gradOutput(0);
  return [ops.matMul(dy, ops.cast(weight, ops.typeOf(dy))), null, null];
};
