import type { GraphNode, OnnxModel, Tensor } from '../codec/model.js';
import { makeTensor, readTensorValues } from '../codec/tensor-values.js';
import { GraphBuilder, type Value } from '../graph/graph-builder.js';
import { inputsOf } from '../graph/node-inputs.js';

/**
 * Replaces products of integers by products of floats, for graphs that are differentiated:
 *
 * - `DynamicQuantizeLinear` → `MatMulInteger` → `Cast` → `Mul` by both scales,
 * - `MatMulIntegerToFloat` and `DynamicQuantizeMatMul` of com.microsoft,
 *
 * become `MatMul(x, DequantizeLinear(W))`: the weight keeps its 8 bits, the activation is not rounded. And
 * `QuantizeLinear` → `DequantizeLinear` with one scale becomes nothing. Rounding an activation is a step
 * function, whose gradient is zero or none; leaving it out is the straight-through estimator, with a forward
 * pass that agrees with it. Outputs move by the rounding that is left out.
 *
 * A product that is written in another way stays as it is; `differentiate` refuses it on its path.
 *
 * @see Bengio et al., "Estimating or Propagating Gradients Through Stochastic Neurons", 2013.
 */
export function dequantizeProducts(model: OnnxModel): OnnxModel {
  const producers = new Map<Value, GraphNode>();
  for (const node of model.graph.nodes) {
    for (const output of node.outputs) producers.set(output, node);
  }
  const builder = new GraphBuilder(model, []);
  const context: Context = { model, builder, producers };
  let isChanged = false;
  for (const node of model.graph.nodes) {
    builder.prefix = node.outputs[0] ?? '';
    const replace = replacements[`${node.domain}.${node.operator}`];
    if (replace?.(context, node) === true) isChanged = true;
    else builder.addNode(node);
  }
  return isChanged ? withoutUnused(builder.build()) : model;
}

interface Context {
  readonly model: OnnxModel;
  readonly builder: GraphBuilder;
  readonly producers: ReadonlyMap<Value, GraphNode>;
}

/** Writes a node in another form; `false` if it is none of those that are known. */
type Replacement = (context: Context, node: GraphNode) => boolean;

const replacements: Readonly<Record<string, Replacement>> = {
  '.Mul': (context, node) => {
    const [a = '', b = ''] = node.inputs;
    return scaledProduct(context, node, a, b) || scaledProduct(context, node, b, a);
  },
  '.DequantizeLinear': roundTrip,
  'com.microsoft.DequantizeLinear': roundTrip,
  'com.microsoft.MatMulIntegerToFloat': (context, node) => {
    const [a = '', b = '', aScale = '', bScale = '', aZero = '', bZero = '', bias = ''] =
      node.inputs;
    const left = floatOf(context, a, aScale, aZero);
    const right = floatOf(context, b, bScale, bZero);
    return writeProduct(context, node, left, right, bias);
  },
  'com.microsoft.DynamicQuantizeMatMul': (context, node) => {
    const [a = '', b = '', bScale = '', bZero = '', bias = ''] = node.inputs;
    return writeProduct(context, node, a, floatOf(context, b, bScale, bZero), bias);
  },
};

/** `Mul(Cast(MatMulInteger(a, b)), Mul(scale of a, scale of b))`, the factors in any order. */
function scaledProduct(context: Context, node: GraphNode, cast: Value, scale: Value): boolean {
  const { producers } = context;
  const castNode = producers.get(cast);
  const scaleNode = producers.get(scale);
  if (castNode?.operator !== 'Cast' || scaleNode?.operator !== 'Mul') return false;
  const product = producers.get(castNode.inputs[0] ?? '');
  if (product?.operator !== 'MatMulInteger') return false;
  const [a = '', b = '', aZero = '', bZero = ''] = product.inputs;
  const [first = '', second = ''] = scaleNode.inputs;
  for (const [aScale, bScale] of [
    [first, second],
    [second, first],
  ] as const) {
    const left = floatOf(context, a, aScale, aZero);
    const right = left === undefined ? undefined : floatOf(context, b, bScale, bZero);
    if (right !== undefined) return writeProduct(context, node, left, right, '');
  }
  return false;
}

/** `DequantizeLinear(QuantizeLinear(x))` with the same scale and zero point. */
function roundTrip(context: Context, node: GraphNode): boolean {
  const quantize = context.producers.get(node.inputs[0] ?? '');
  if (quantize?.operator !== 'QuantizeLinear') return false;
  const isSame = [1, 2].every((index) =>
    areEqual(context, node.inputs[index] ?? '', quantize.inputs[index] ?? ''),
  );
  if (!isSame) return false;
  context.builder.emit('Identity', [quantize.inputs[0] ?? ''], { outputs: node.outputs });
  return true;
}

function areEqual({ model, builder }: Context, a: Value, b: Value): boolean {
  if (a === b) return true;
  const [left, right] = [a, b].map((name) => {
    const tensor = builder.initializer(name);
    return tensor === undefined ? undefined : readTensorValues(tensor, model.directory);
  });
  return left !== undefined && right !== undefined && `${left}` === `${right}`;
}

function writeProduct(
  { builder }: Context,
  node: GraphNode,
  left: Value | undefined,
  right: Value | undefined,
  bias: Value,
): boolean {
  if (left === undefined || right === undefined) return false;
  if (bias === '') {
    builder.emit('MatMul', [left, right], { outputs: node.outputs });
    return true;
  }
  const product = builder.emit('MatMul', [left, right])[0] ?? '';
  builder.emit('Add', [product, bias], { outputs: node.outputs });
  return true;
}

/** The float tensor that a quantized one stands for: what was rounded, or a weight that is widened. */
function floatOf(context: Context, quantized: Value, scale: Value, zero: Value): Value | undefined {
  const { producers, builder } = context;
  const producer = producers.get(quantized);
  if (producer?.operator === 'DynamicQuantizeLinear') {
    const isItsOwn = producer.outputs[1] === scale && (producer.outputs[2] ?? '') === zero;
    return isItsOwn ? producer.inputs[0] : undefined;
  }
  if (producer?.operator === 'QuantizeLinear') {
    const isItsOwn = producer.inputs[1] === scale && (producer.inputs[2] ?? '') === zero;
    return isItsOwn ? producer.inputs[0] : undefined;
  }
  const weight = builder.initializer(quantized);
  const scales = builder.initializer(scale);
  const zeros = builder.initializer(zero);
  if (weight === undefined || scales === undefined || (zero !== '' && zeros === undefined)) {
    return undefined;
  }
  return widen(context, weight, scales, zeros);
}

/** A weight with one scale and zero point, or with one for each of its columns. */
function widen(
  { model, builder }: Context,
  weight: Tensor,
  scales: Tensor,
  zeros: Tensor | undefined,
): Value | undefined {
  const columns = weight.dims.at(-1) ?? 1;
  const counts = [scales, zeros].map((tensor) =>
    tensor === undefined ? 1 : tensor.dims.reduce((product, size) => product * size, 1),
  );
  if (counts.some((count) => count !== 1 && count !== columns)) return undefined;
  const isByColumn = Math.max(...counts) > 1;
  const inputs: Value[] = [weight.name];
  for (const tensor of [scales, zeros]) {
    if (tensor === undefined) continue;
    const values = readTensorValues(tensor, model.directory);
    if (values === undefined || tensor.type === undefined) return undefined;
    const whole = isByColumn && values.length === 1 ? new Array(columns).fill(values[0]) : values;
    const name = builder.freshName(`by_column/${tensor.name}`);
    builder.addInitializer(makeTensor(name, tensor.type, isByColumn ? [columns] : [], whole));
    inputs.push(name);
  }
  return builder.emit('DequantizeLinear', inputs, {
    attributes: isByColumn ? { axis: weight.dims.length - 1 } : {},
  })[0];
}

/** What a replaced product leaves behind: ONNX Runtime would run it for nothing. */
const leftovers: ReadonlySet<string> = new Set([
  'DynamicQuantizeLinear',
  'MatMulInteger',
  'QuantizeLinear',
  'Cast',
  'Mul',
]);

function withoutUnused(model: OnnxModel): OnnxModel {
  const { graph } = model;
  const used = new Set(graph.outputs.map(({ name }) => name));
  const nodes: GraphNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    const isUsed = node.outputs.some((output) => used.has(output));
    if (!isUsed && leftovers.has(node.operator)) continue;
    nodes.push(node);
    for (const input of inputsOf(node)) used.add(input);
  }
  const initializers = graph.initializers.filter(({ name }) => used.has(name));
  return { ...model, graph: { ...graph, nodes: nodes.reverse(), initializers } };
}
