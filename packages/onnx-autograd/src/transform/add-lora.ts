import { elementTypes } from '../codec/element-types.js';
import type { OnnxModel } from '../codec/model.js';
import { listNames, OnnxAutogradError } from '../errors.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import { Operations, operatorSupport } from '../graph/operations.js';
import { inTopologicalOrder } from '../graph/topological-order.js';
import { findLinearNodes } from './linear-nodes.js';

/** A LoRA branch beside one linear layer. */
export interface LoraTarget {
  /** Output of the layer's node, as `findLinearNodes` gives it. */
  readonly output: string;
  /** Name of the layer: the inputs are called `<name>.lora_A.weight` and `<name>.lora_B.weight`. */
  readonly name: string;
  /** Rank r of the branch. */
  readonly rank: number;
  /** Factor of the branch: α/r, or α/√r for rank-stabilized LoRA. */
  readonly scaling: number;
}

export interface AddLoraOptions {
  readonly targets: readonly LoraTarget[];
  /** Execution provider that the graph is written for. Default `'cpu'`. */
  readonly target?: keyof typeof operatorSupport;
}

/**
 * Puts low-rank branches beside linear layers:
 *
 *   y = x W + scaling · (x Aᵀ) Bᵀ
 *
 * A `[rank, in]` and B `[out, rank]` become graph inputs in PEFT's layout, so that an update needs no new
 * session; with B = 0 the model is the original one. Half-precision layers get single-precision matrices.
 *
 * @throws {OnnxAutogradError} `unknown-name` for an output that is no linear layer's; `invalid-argument`.
 * @see Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021; PEFT `tuners/lora/layer.py`.
 */
export function addLora(model: OnnxModel, options: AddLoraOptions): OnnxModel {
  const sorted = inTopologicalOrder(model);
  const linear = new Map(findLinearNodes(sorted).map((node) => [node.output, node]));
  const targets = new Map(options.targets.map((target) => [target.output, target]));
  if (targets.size < options.targets.length) {
    const repeated = options.targets.filter((target) => targets.get(target.output) !== target);
    throw new OnnxAutogradError(
      'invalid-argument',
      `\`targets\` must name each layer once, got ${listNames(repeated.map(({ output }) => output))} more than once.`,
    );
  }
  for (const { output, rank, scaling } of options.targets) {
    if (!linear.has(output)) {
      throw new OnnxAutogradError(
        'unknown-name',
        `No linear layer has the output "${output}". Linear layers: ${listNames(linear.keys())}.`,
      );
    }
    if (!Number.isInteger(rank) || rank < 1 || !Number.isFinite(scaling)) {
      throw new OnnxAutogradError(
        'invalid-argument',
        `A LoRA target needs a whole rank of at least 1 and a finite scaling, got rank ${rank} and scaling ${scaling}.`,
      );
    }
  }
  const builder = new GraphBuilder(sorted, []);
  const ops = new Operations(builder, operatorSupport[options.target ?? 'cpu']);
  for (const node of sorted.graph.nodes) {
    const layer = linear.get(node.outputs[0] ?? '');
    const target = targets.get(node.outputs[0] ?? '');
    if (layer === undefined || target === undefined) {
      builder.addNode(node);
      continue;
    }
    builder.prefix = target.name;
    const base = builder.freshName('base');
    builder.addNode({ ...node, outputs: [base] });
    const [a, b] = [`${target.name}.lora_A.weight`, `${target.name}.lora_B.weight`];
    const type = ops.typeOf(node.inputs[0] ?? '');
    const wide = type === 'float64' ? 'float64' : 'float32';
    for (const [name, shape] of [
      [a, [target.rank, layer.inFeatures]],
      [b, [layer.outFeatures, target.rank]],
    ] as const) {
      builder.addInput({ name, type: wide, shape, encodedType: undefined, other: [] });
    }
    const x = ops.cast(node.inputs[0] ?? '', wide);
    const down = ops.matMul(x, a, { transposeB: true });
    const branch = ops.matMul(down, b, { transposeB: true, scale: target.scaling });
    // The sum is rounded once, as PEFT does: a small branch would be lost in half precision.
    if (type === wide) builder.emit('Add', [base, branch], { outputs: [target.output] });
    else {
      const sum = ops.add(ops.cast(base, wide), branch);
      const to = elementTypes[type].code;
      builder.emit('Cast', [sum], { attributes: { to }, outputs: [target.output] });
    }
  }
  return builder.build();
}
