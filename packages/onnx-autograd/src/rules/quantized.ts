import { readRange } from '../codec/byte-source.js';
import type { ElementType } from '../codec/element-types.js';
import { elementTypes } from '../codec/element-types.js';
import { externalRange } from '../codec/external-data.js';
import type { Tensor } from '../codec/model.js';
import { makeRawTensor } from '../codec/tensor-values.js';
import type { GradientRule, RuleContext } from '../differentiate/gradient-rule.js';
import type { Value } from '../graph/graph-builder.js';

/** Layout of a MatMulNBits weight. */
interface Layout {
  readonly rows: number;
  readonly columns: number;
  readonly blockSize: number;
  /** Blocks in a row. */
  readonly blocks: number;
  readonly bits: number;
}

/**
 * MatMulNBits, Y = X Wᵀ with a weight `[N, K]` of 2, 4 or 8 bits: dX = dY W.
 *
 * The weight stays as it is: its bytes are declared a second time as a block-quantized ONNX tensor, which
 * `DequantizeLinear` widens while the graph runs (2 bits are looked up in a table). No weight has a gradient.
 * Activations of 8 bits (accuracy_level 4) are switched off in graphs that are differentiated, so forward and
 * backward agree.
 */
export const matMulNBits: GradientRule = (context) => {
  const { ops, gradOutput, attributes, optionalInput, needs, unsupported, node } = context;
  if (node.inputs.some((_, index) => index > 0 && index !== 5 && needs(index))) {
    unsupported(
      'does not reach quantized weights, scales and zero points; train LoRA branches instead',
    );
  }
  if (optionalInput(4) !== undefined) unsupported('does not know a group index (g_idx)');
  const dy = gradOutput(0);
  const blockSize = attributes.int('block_size', 32);
  const columns = attributes.int('K', 0);
  const layout: Layout = {
    rows: attributes.int('N', 0),
    columns,
    blockSize,
    blocks: Math.ceil(columns / blockSize),
    bits: attributes.int('bits', 4),
  };
  const gradient = needs(0)
    ? ops.matMul(dy, ops.cast(dequantize(context, layout), ops.typeOf(dy)))
    : null;
  return [gradient, null, null, null, null, needs(5) ? dy : null];
};

/** The weight as floats `[N, K]`. */
function dequantize(context: RuleContext, layout: Layout): Value {
  const { ops, unsupported, typeOf, optionalInput } = context;
  const { rows, columns, blockSize, blocks, bits } = layout;
  if (bits === 2) return dequantizeTwoBits(context, layout);
  if (bits !== 4 && bits !== 8) unsupported(`knows weights of 2, 4 and 8 bits, not ${bits}`);
  const type: ElementType = bits === 4 ? 'uint4' : 'uint8';
  const width = blocks * blockSize;
  const weight = redeclare(context, 1, type, [rows, width]);
  const scaleTensor = context.ops.builder.initializer(context.node.inputs[2] ?? '');
  const scales =
    scaleTensor === undefined
      ? ops.reshape(context.input(2), [rows, blocks])
      : redeclare(context, 2, typeOf(2), [rows, blocks]);
  const hasFloatZeros = optionalInput(3) !== undefined && typeOf(3) !== 'uint8';
  const zeros = hasFloatZeros ? undefined : zeroPoints(context, layout, type);
  let wide = ops.emit(
    'DequantizeLinear',
    zeros === undefined ? [weight, scales] : [weight, scales, zeros],
    {
      attributes: { axis: 1, block_size: blockSize },
    },
  );
  if (hasFloatZeros) {
    // W = (q − z)·s = q·s − z·s, block by block.
    const shift = ops.mul(
      ops.reshape(ops.cast(context.input(3), typeOf(2)), [rows, blocks]),
      scales,
    );
    const blockwise = ops.sub(
      ops.reshape(wide, [rows, blocks, blockSize]),
      ops.unsqueeze(shift, [2]),
    );
    wide = ops.reshape(blockwise, [rows, width]);
  }
  return width === columns ? wide : ops.slice(wide, 0, columns, 1);
}

/** W = (q − z)·s with four numbers in a byte, looked up in a table: no operator widens them. */
function dequantizeTwoBits(context: RuleContext, layout: Layout): Value {
  const { ops, optionalInput, typeOf, input } = context;
  const { rows, columns, blockSize, blocks } = layout;
  const type = typeOf(2);
  const table = ops.builder.constant(
    type,
    [256, 4],
    Array.from({ length: 1024 }, (_, index) => ((index >> 2) >> (2 * (index % 4))) & 3),
  );
  const unpack = (packed: Value, perRow: number): Value =>
    ops.reshape(ops.gather(table, ops.cast(packed, 'int32'), 0), [rows, perRow]);
  const width = blocks * blockSize;
  const weight = unpack(redeclare(context, 1, 'uint8', [rows, width / 4]), width);
  const blockwise = (x: Value): Value => ops.reshape(x, [rows, blocks, 1]);
  const zeros = (): Value => {
    if (optionalInput(3) === undefined) return ops.scalar(2, type);
    if (typeOf(3) !== 'uint8') return blockwise(ops.cast(input(3), type));
    const bytes = Math.ceil(blocks / 4);
    const padded = unpack(redeclare(context, 3, 'uint8', [rows, bytes]), bytes * 4);
    return blockwise(ops.slice(padded, 0, blocks, 1));
  };
  const centered = ops.sub(ops.reshape(weight, [rows, blocks, blockSize]), zeros());
  const wide = ops.reshape(ops.mul(centered, blockwise(input(2))), [rows, width]);
  return width === columns ? wide : ops.slice(wide, 0, columns, 1);
}

/** The bytes of an initializer under another type and shape. */
function redeclare(
  context: RuleContext,
  index: number,
  type: ElementType,
  dims: readonly number[],
): Value {
  const { ops, node, unsupported } = context;
  const name = node.inputs[index] ?? '';
  const tensor = ops.builder.initializer(name);
  if (tensor === undefined || tensor.data.kind === 'fields') {
    return unsupported(`needs input ${index} to be an initializer with raw data`);
  }
  const alias = `${name}/as_${type}_${dims.join('x')}`;
  if (!ops.builder.has(alias)) {
    const data = tensor.data;
    ops.builder.addInitializer({
      name: alias,
      type,
      typeCode: elementTypes[type].code,
      dims,
      data,
      other: [],
    });
  }
  return alias;
}

/** Zero points `[N, blocks]`; in the middle of the range where the node has none. */
function zeroPoints(context: RuleContext, layout: Layout, type: ElementType): Value {
  const { ops, node, optionalInput } = context;
  const { rows, blocks, bits } = layout;
  if (optionalInput(3) === undefined) {
    const alias = `zero_points_${type}_${rows}x${blocks}`;
    if (!ops.builder.has(alias)) {
      const bytes = new Uint8Array(Math.ceil((rows * blocks * bits) / 8)).fill(
        bits === 4 ? 0x88 : 0x80,
      );
      ops.builder.addInitializer(makeRawTensor(alias, type, [rows, blocks], bytes));
    }
    return alias;
  }
  if (bits === 8 || blocks % 2 === 0) return redeclare(context, 3, type, [rows, blocks]);
  return repack(context, ops.builder.initializer(node.inputs[3] ?? ''), rows, blocks);
}

/** Rows of an odd number of 4-bit zero points end in half a byte, which ONNX does not know. */
function repack(
  context: RuleContext,
  tensor: Tensor | undefined,
  rows: number,
  blocks: number,
): Value {
  const { ops, unsupported } = context;
  if (tensor === undefined || tensor.data.kind === 'fields') {
    return unsupported('needs zero points that are an initializer with raw data');
  }
  const alias = `${tensor.name}/as_uint4_${rows}x${blocks}`;
  if (ops.builder.has(alias)) return alias;
  const range =
    tensor.data.kind === 'raw' ? tensor.data.range : externalRange(tensor, ops.builder.directory);
  const padded = readRange(range);
  const stride = Math.ceil(blocks / 2);
  const packed = new Uint8Array(Math.ceil((rows * blocks) / 2));
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const byte = padded[row * stride + (block >> 1)] ?? 0;
      const value = block % 2 === 0 ? byte & 15 : byte >> 4;
      const target = row * blocks + block;
      packed[target >> 1] = (packed[target >> 1] ?? 0) | (value << (target % 2 === 0 ? 0 : 4));
    }
  }
  ops.builder.addInitializer(makeRawTensor(alias, 'uint4', [rows, blocks], packed));
  return alias;
}

/** DequantizeLinear: integers carry no gradient, and scales are not trained here. */
export const dequantizeLinear: GradientRule = ({ node, needs, unsupported }) => {
  if (needs(1)) unsupported('does not reach the scales');
  return node.inputs.map(() => null);
};
