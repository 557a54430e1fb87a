import type { AttributeValue, Graph, GraphNode, OnnxModel } from '../codec/model.js';
import { describeNode } from '../codec/model.js';
import { OnnxAutogradError } from '../errors.js';
import { AttributeReader } from '../graph/attributes.js';
import { inputsOf } from '../graph/node-inputs.js';

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
  const { graph } = model;
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const isChosen = (node: GraphNode): boolean => {
    const [condition = ''] = node.inputs;
    return (
      node.operator === 'If' &&
      node.domain === '' &&
      inputs.has(condition) &&
      choices[condition] !== undefined
    );
  };
  if (!graph.nodes.some(isChosen)) return model;

  const nodes: GraphNode[] = [];
  const initializers = [...graph.initializers];
  const valueInfo = [...graph.valueInfo];
  const names = new Set([
    ...inputs,
    ...initializers.map(({ name }) => name),
    ...graph.nodes.flatMap((node) => node.outputs),
  ]);
  const used = new Set<string>();
  const place = (node: GraphNode): void => {
    if (!isChosen(node)) {
      nodes.push(node);
      return;
    }
    const [condition = ''] = node.inputs;
    used.add(condition);
    const branch = withOwnNames(branchOf(node, choices[condition] === true), node, names);
    initializers.push(...branch.initializers);
    valueInfo.push(...branch.valueInfo);
    for (const inner of branch.nodes) place(inner);
    for (const [index, output] of node.outputs.entries()) {
      const inner = branch.outputs[index]?.name;
      if (output === '' || inner === undefined) continue;
      nodes.push(identity(`${describeNode(node)}/${output}`, inner, output));
    }
  };
  for (const node of graph.nodes) place(node);
  const stillRead = new Set(nodes.flatMap(inputsOf));
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
      valueInfo,
      inputs: graph.inputs.filter(({ name }) => !gone.includes(name)),
    },
  };
}

function branchOf(node: GraphNode, isTrue: boolean): Graph {
  const branch = new AttributeReader(node).graph(isTrue ? 'then_branch' : 'else_branch');
  if (branch !== undefined) return branch;
  throw new OnnxAutogradError(
    'malformed-model',
    `If node "${describeNode(node)}" lacks a branch.`,
    { operator: 'If', node: describeNode(node) },
  );
}

function identity(name: string, input: string, output: string): GraphNode {
  return {
    name,
    operator: 'Identity',
    domain: '',
    inputs: [input],
    outputs: [output],
    attributes: [],
    other: [],
  };
}

/**
 * The branch with names that are free outside. Inner names may not shadow outer ones, but two branches that
 * move out side by side may have used the same.
 *
 * @param names Names that are taken; those of the branch are added.
 */
function withOwnNames(branch: Graph, node: GraphNode, names: Set<string>): Graph {
  const own = [
    ...branch.initializers.map(({ name }) => name),
    ...branch.nodes.flatMap((inner) => inner.outputs.filter((output) => output !== '')),
  ];
  const renamed = new Map<string, string>();
  for (const name of own) {
    let free = name;
    for (let count = 1; names.has(free); count++) free = `${describeNode(node)}/${name}_${count}`;
    names.add(free);
    if (free !== name) renamed.set(name, free);
  }
  return renamed.size === 0 ? branch : rename(branch, renamed);
}

function rename(graph: Graph, renamed: ReadonlyMap<string, string>): Graph {
  const each = (name: string): string => renamed.get(name) ?? name;
  const all = <T extends { readonly name: string }>(values: readonly T[]): T[] =>
    values.map((value) => ({ ...value, name: each(value.name) }));
  const inside = (value: AttributeValue): AttributeValue => {
    if (value.kind === 'graph') return { kind: 'graph', value: rename(value.value, renamed) };
    if (value.kind !== 'graphs') return value;
    return { kind: 'graphs', value: value.value.map((inner) => rename(inner, renamed)) };
  };
  return {
    ...graph,
    initializers: all(graph.initializers),
    outputs: all(graph.outputs),
    valueInfo: all(graph.valueInfo),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(each),
      outputs: node.outputs.map(each),
      attributes: node.attributes.map((attribute) => ({
        ...attribute,
        value: inside(attribute.value),
      })),
    })),
  };
}
