import type { GraphNode, OnnxModel } from '../codec/model.js';
import { makeRuleContext } from '../differentiate/gradient-rule.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import { Operations, type OperatorSupport } from '../graph/operations.js';
import { rewrites } from './index.js';
import type { Rewrite } from './rewrite.js';

/** Replaces those of `chosen` for which there is a rewrite. */
export function rewriteNodes(
  model: OnnxModel,
  chosen: ReadonlySet<GraphNode>,
  support: OperatorSupport,
  options: { readonly causalBlocks?: number } = {},
): OnnxModel {
  const rewriteFor = (node: GraphNode): Rewrite | undefined =>
    chosen.has(node) ? rewrites[node.domain]?.[node.operator] : undefined;
  if (!model.graph.nodes.some(rewriteFor)) return model;
  const builder = new GraphBuilder(model, []);
  const ops = new Operations(builder, support, options);
  for (const node of model.graph.nodes) {
    const rewrite = rewriteFor(node);
    if (rewrite === undefined) {
      builder.addNode(node);
      continue;
    }
    builder.prefix = node.name === '' ? (node.outputs[0] ?? '') : node.name;
    const results = rewrite(
      makeRuleContext({
        node,
        ops,
        forwardValue: (name) => name,
        gradientOf: () => undefined,
        isNeeded: () => false,
      }),
    );
    for (const [index, output] of node.outputs.entries()) {
      const result = results[index];
      if (output !== '' && result !== undefined && result !== null) {
        builder.emit('Identity', [result], { outputs: [output] });
      }
    }
  }
  return builder.build();
}
