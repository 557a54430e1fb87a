import { findLinearNodes, type LinearNode, type OnnxModel } from '@iapo/onnx-autograd';
import type { ModuleNames } from '../families/family.js';
import type { LinearModule } from '../lora/index.js';

/** A linear layer by PEFT's name, and the node that computes it. */
export interface ModuleNode extends LinearModule {
  readonly output: string;
}

/** Projections of a layer in the order in which a forward pass computes them. */
const projections = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

/**
 * Linear layers of the text model, in graph order, without the output layer.
 *
 * Exporters that keep module paths name the nodes: `…/layers.0/self_attn/q_proj/MatMul` (torch.onnx) or
 * `/model/layers.0/attn/q_proj/MatMul` (onnxruntime-genai). `torch.onnx.export(dynamo=True)` numbers them, so
 * there the order of a forward pass is taken, if the sizes agree with it.
 */
export function textModules(decoder: OnnxModel, names: ModuleNames): ModuleNode[] {
  const linear = findLinearNodes(decoder);
  const named = linear.flatMap((node) => {
    const match = /layers\.(\d+)\/(?:self_)?(attn|mlp)\/(\w+_proj)\//.exec(`${node.name}/`);
    if (match === null) return [];
    const [, layer, block, projection] = match;
    const module = `${names.textLayers}${layer}.${block === 'attn' ? 'self_attn' : 'mlp'}.${projection}`;
    return [moduleNode(module, node)];
  });
  return named.length > 0 ? named : modulesByOrder(linear.slice(0, -1), names);
}

function modulesByOrder(linear: readonly LinearNode[], names: ModuleNames): ModuleNode[] {
  const count = projections.length;
  if (linear.length === 0 || linear.length % count !== 0) return [];
  for (let start = 0; start < linear.length; start += count) {
    if (!looksLikeLayer(linear.slice(start, start + count))) return [];
  }
  return linear.map((node, index) => {
    const block = index % count < 4 ? 'self_attn' : 'mlp';
    const module = `${names.textLayers}${Math.floor(index / count)}.${block}.${projections[index % count]}`;
    return moduleNode(module, node);
  });
}

/** q, k, v read the hidden state and o writes it; gate and up read it, down reads theirs. */
function looksLikeLayer(layer: readonly LinearNode[]): boolean {
  const [q, k, v, o, gate, up, down] = layer;
  if (!q || !k || !v || !o || !gate || !up || !down) return false;
  const hidden = q.inFeatures;
  return (
    [k, v, gate, up].every(({ inFeatures }) => inFeatures === hidden) &&
    o.inFeatures === q.outFeatures &&
    o.outFeatures === hidden &&
    k.outFeatures === v.outFeatures &&
    gate.outFeatures === up.outFeatures &&
    down.inFeatures === gate.outFeatures &&
    down.outFeatures === hidden
  );
}

function moduleNode(module: string, node: LinearNode): ModuleNode {
  const { output, inFeatures, outFeatures } = node;
  return { module, output, inFeatures, outFeatures };
}
