import type { GraphNode, OnnxModel } from '../codec/model.js';
import { makeAttributes } from '../graph/attributes.js';
import { dequantizeProducts } from './dequantize-products.js';

/**
 * The model without rounding of activations to 8 bits: a step function, whose gradient is not that of the
 * product around it. `differentiate` does this itself; do it first where other transformations are to see the
 * products, as `addLora` for an 8-bit model.
 *
 * `accuracy_level` of every MatMulNBits becomes 0, and products of integers become products of floats with the
 * same weights. Log-probabilities move by up to 0.4 on small models.
 */
export function useFloatActivations(model: OnnxModel): OnnxModel {
  return dequantizeProducts(useFloatProducts(model));
}

function useFloatProducts(model: OnnxModel): OnnxModel {
  const rounds = (node: GraphNode): boolean =>
    node.operator === 'MatMulNBits' &&
    node.attributes.some(
      ({ name, value }) => name === 'accuracy_level' && value.kind === 'int' && value.value !== 0n,
    );
  if (!model.graph.nodes.some(rounds)) return model;
  const nodes = model.graph.nodes.map((node) => {
    if (!rounds(node)) return node;
    const others = node.attributes.filter(({ name }) => name !== 'accuracy_level');
    return { ...node, attributes: [...others, ...makeAttributes({ accuracy_level: 0 })] };
  });
  return { ...model, graph: { ...model.graph, nodes } };
}
