import type { GraphNode, OnnxModel } from '../codec/model.js';
import { describeNode, describeOperator } from '../codec/model.js';
import { listNames, OnnxAutogradError } from '../errors.js';
import { GraphBuilder, type Value } from '../graph/graph-builder.js';
import { Operations, operatorSupport } from '../graph/operations.js';
import { inTopologicalOrder } from '../graph/topological-order.js';
import { rewriteNodes } from '../rewrites/rewrite-nodes.js';
import { gradientRules } from '../rules/index.js';
import { chooseBranches } from '../transform/choose-branches.js';
import { blockQuantizationOpset, raiseOpset } from '../transform/raise-opset.js';
import { refuseQuantization } from '../transform/refuse-quantization.js';
import { useFloatActivations } from '../transform/use-float-activations.js';
import { type ActivePath, findActivePath } from './active-path.js';
import { backwardPass } from './backward-pass.js';
import { planRecomputation } from './checkpointing.js';
import { type GradientRule, type GradientRules, zeroGradient } from './gradient-rule.js';
import { gradientsWhenReady } from './gradients-when-ready.js';

export interface DifferentiateOptions {
  /** Values to start from: names of graph outputs, or of any value inside the graph. */
  readonly outputs: readonly string[];
  /** Values to differentiate with respect to: names of inputs, initializers, or any value inside. */
  readonly wrt: readonly string[];
  /**
   * Values that are kept from the forward pass; all others are computed again while going back, which
   * trades time for memory. `'auto'` picks one after each block of the network. Default: none, everything
   * is kept.
   */
  readonly checkpoints?: 'auto' | readonly string[];
  /** Gradient rules of your own by domain (`''` is ai.onnx) and operator; they win over the built-in ones. */
  readonly rules?: GradientRules;
  /**
   * Truth of `If` conditions that are graph inputs. Default: `{ use_cache_branch: false }`, the branch
   * without past of merged decoders.
   */
  readonly branches?: Readonly<Record<string, boolean>>;
  /**
   * Blocks of queries in which attention is computed that is known to be causal (GroupQueryAttention): each
   * sees only the keys up to its end, which saves up to half of the work in long sequences and costs small
   * operators in short ones. Default 1; 4 pays from about 500 tokens on (bench/README.md).
   */
  readonly causalBlocks?: number;
  /** Execution provider that the graph is written for. Default `'cpu'`. */
  readonly target?: keyof typeof operatorSupport;
}

/**
 * Adds the vector–Jacobian product of a model to its graph.
 *
 * The result has, beside everything the model had, an input `cotangent.<output>` of the output's shape for
 * each of `outputs`, and an output `gradient.<name>` of the value's shape for each of `wrt`:
 *
 *   gradient.x = Σ_o (∂o/∂x)ᵀ · cotangent.o
 *
 * A scalar loss is the special case of one output and a cotangent of 1. The graph consists of inference
 * operators only, so stock ONNX Runtime runs it.
 *
 * @returns A new model that shares the weights of the old one.
 * @throws {OnnxAutogradError} `unknown-name`; `no-path` if nothing differentiable leads from a `wrt` name to
 *   the outputs; `missing-rule` for an operator without a rule, with its domain and node; `unsupported`.
 * @example
 * const model = readModel('decoder_model_merged.onnx');
 * const derived = differentiate(model, { outputs: ['logits'], wrt: ['inputs_embeds'] });
 */
export function differentiate(model: OnnxModel, options: DifferentiateOptions): OnnxModel {
  const { outputs, wrt } = options;
  requireNames('outputs', outputs);
  requireNames('wrt', wrt);
  const support = operatorSupport[options.target ?? 'cpu'];
  const resolved = prepare(model, options.branches);
  const rules = (domain: string, operator: string): GradientRule | undefined =>
    options.rules?.[domain]?.[operator] ?? gradientRules[domain]?.[operator];
  const stops = (node: GraphNode): boolean => rules(node.domain, node.operator) === zeroGradient;

  const original = new GraphBuilder(resolved);
  for (const name of [...outputs, ...wrt]) requireValue(original, resolved, name);
  const find = (builder: GraphBuilder): ActivePath =>
    findActivePath({
      nodes: [...builder.nodes],
      inference: builder.inference,
      wrt,
      outputs,
      stops,
    });
  const hasOwnRule = (node: GraphNode): boolean =>
    options.rules?.[node.domain]?.[node.operator] !== undefined;
  const rewritten = rewriteNodes(
    resolved,
    new Set(find(original).nodes.filter((node) => !hasOwnRule(node))),
    support,
    { causalBlocks: requireBlocks(options.causalBlocks ?? 1) },
  );

  const builder = new GraphBuilder(rewritten);
  const ops = new Operations(builder, support);
  const { nodes, inference } = builder;
  refuseQuantization({ nodes, inference, wrt, outputs, isExempt: hasOwnRule });
  const path = find(builder);
  for (const name of wrt) requirePath(path, name, outputs);

  const cotangents = new Map<Value, Value>();
  for (const name of outputs) {
    const cotangent = `cotangent.${name}`;
    const declared = rewritten.graph.outputs.find((output) => output.name === name);
    const inferred = builder.describe(name, cotangent);
    builder.addInput({
      ...inferred,
      type: inferred.type ?? declared?.type,
      shape: inferred.shape ?? declared?.shape,
    });
    if (path.values.has(name)) cotangents.set(name, cotangent);
  }
  const ruleFor = (node: GraphNode): GradientRule =>
    rules(node.domain, node.operator) ??
    refuseOperator(node, { ...gradientRules, ...options.rules });
  for (const node of path.nodes) ruleFor(node);

  const plan =
    options.checkpoints === undefined
      ? {}
      : planRecomputation({ ops, path, checkpoints: options.checkpoints, wrt });
  const gradients = backwardPass({ ops, path, cotangents, ruleFor, ...plan });
  const added = wrt.map((name) => {
    const gradient = gradients.get(name) ?? ops.zerosLike(name);
    const output = `gradient.${name}`;
    if (builder.has(output)) {
      throw new OnnxAutogradError(
        'invalid-argument',
        `The graph already has a value named "${output}"; differentiate the original model instead.`,
      );
    }
    builder.emit('Identity', [gradient], { outputs: [output] });
    return builder.describe(name, output);
  });
  const derived = builder.build({ outputs: [...rewritten.graph.outputs, ...added] });
  const ordered = gradientsWhenReady(
    derived.graph.nodes,
    added.map(({ name }) => name),
  );
  return { ...derived, graph: { ...derived.graph, nodes: ordered } };
}

/** The graph in the form in which it can be differentiated; what it computes is the same. */
function prepare(model: OnnxModel, branches: DifferentiateOptions['branches']): OnnxModel {
  const chosen = chooseBranches(model, branches);
  const isQuantized = chosen.graph.nodes.some(({ operator }) => operator === 'MatMulNBits');
  const raised = raiseOpset(chosen, isQuantized ? blockQuantizationOpset : undefined);
  return useFloatActivations(inTopologicalOrder(raised));
}

/** Operators that have a gradient rule, as `{ domain: [operator, …] }`. */
export function supportedOperators(): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(gradientRules).map(([domain, rules]) => [domain, Object.keys(rules).sort()]),
  );
}

function requireNames(argument: string, names: readonly string[]): void {
  const isList =
    Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string');
  if (isList && new Set(names).size === names.length) return;
  throw new OnnxAutogradError(
    'invalid-argument',
    `\`${argument}\` must be a list of at least one name, each once, got ${JSON.stringify(names)}.`,
  );
}

function requireBlocks(blocks: number): number {
  if (Number.isInteger(blocks) && blocks >= 1 && blocks <= 64) return blocks;
  throw new OnnxAutogradError(
    'invalid-argument',
    `\`causalBlocks\` must be a whole number from 1 to 64, got ${blocks}.`,
  );
}

function requireValue(builder: GraphBuilder, model: OnnxModel, name: string): void {
  if (builder.has(name)) return;
  const { inputs, outputs } = model.graph;
  throw new OnnxAutogradError(
    'unknown-name',
    `The graph has no value named "${name}". Inputs: ${listNames(inputs.map((input) => input.name))}. Outputs: ${listNames(outputs.map((output) => output.name))}.`,
  );
}

function requirePath(path: ActivePath, name: string, outputs: readonly string[]): void {
  if (path.values.has(name)) return;
  throw new OnnxAutogradError(
    'no-path',
    `No differentiable path leads from "${name}" to ${listNames(outputs)}: either they do not depend on it, or only through integers, comparisons or rounding.`,
  );
}

function refuseOperator(node: GraphNode, rules: GradientRules): never {
  const { operator, domain } = node;
  throw new OnnxAutogradError(
    'missing-rule',
    `Operator ${describeOperator(operator, domain)} (domain "${domain === '' ? 'ai.onnx' : domain}", node "${describeNode(node)}") has no gradient rule. Pass one: differentiate(model, { …, rules: { '${domain}': { ${operator}: rule } } }). Rules exist in this domain for: ${listNames(Object.keys(rules[domain] ?? {}).sort(), 200)}.`,
    { operator, domain, node: describeNode(node) },
  );
}
