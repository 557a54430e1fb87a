import type { GraphNode, OnnxModel } from '../codec/model.js';
import { describeNode } from '../codec/model.js';
import { OnnxAutogradError } from '../errors.js';
import { AttributeReader } from '../graph/attributes.js';

/** Metadata key under which a model remembers an input that was fixed, so that feeding it is checked. */
export const fixedInputPrefix = 'iapo.fixed_input.';

/**
 * Replaces each `If` whose condition is a graph input by one of its branches.
 *
 * Merged decoders hold two copies of themselves, one that reads a past and one that does not. The input is
 * dropped from the graph; its value is kept in the model's metadata, and a session refuses to be fed
 * another one.
 *
 * @param choices Truth of each condition by input name. Default: `{ use_cache_branch: false }`.
 */
export function chooseBranches(
  model: OnnxModel,
  choices: Readonly<Record<string, boolean>> = { use_cache_branch: false },
): OnnxModel {
  const inputs = new Set(model.graph.inputs.map(({ name }) => name));
  const isChosen = (node: GraphNode): boolean =>
    node.operator === 'If' &&
    node.domain === '' &&
    choices[node.inputs[0] ?? ''] !== undefined &&
    inputs.has(node.inputs[0] ?? '');
  if (!model.graph.nodes.some(isChosen)) return model;

  const { graph } = model;
  const nodes: GraphNode[] = [];
  const initializers = [...graph.initializers];
  const used = new Set<string>();
  for (const node of graph.nodes) {
    if (!isChosen(node)) {
      nodes.push(node);
      continue;
    }
    const condition = node.inputs[0] ?? '';
    used.add(condition);
    const branch = new AttributeReader(node).graph(
      choices[condition] === true ? 'then_branch' : 'else_branch',
    );
    if (branch === undefined) {
      throw new OnnxAutogradError(
        'malformed-model',
        `If node "${describeNode(node)}" lacks a branch.`,
        {
          operator: 'If',
          node: describeNode(node),
        },
      );
    }
    // Names inside a branch may not shadow outer ones, so they can move out as they are.
    nodes.push(...branch.nodes);
    initializers.push(...branch.initializers);
    for (const [index, output] of node.outputs.entries()) {
      const inner = branch.outputs[index]?.name;
      if (output === '' || inner === undefined || inner === output) continue;
      nodes.push({
        name: `${describeNode(node)}/${output}`,
        operator: 'Identity',
        domain: '',
        inputs: [inner],
        outputs: [output],
        attributes: [],
        other: [],
      });
    }
  }
  const stillRead = new Set(nodes.flatMap((node) => node.inputs));
  const gone = [...used].filter((name) => !stillRead.has(name));
  const metadata = new Map(model.metadata);
  for (const name of gone) metadata.set(`${fixedInputPrefix}${name}`, `${choices[name]}`);
  return {
    ...model,
    metadata,
    graph: {
      ...graph,
      nodes,
      initializers,
      inputs: graph.inputs.filter(({ name }) => !gone.includes(name)),
    },
  };
}
