import type { ElementType } from '../codec/element-types.js';
import type { Dimension, GraphNode } from '../codec/model.js';
import { describeNode, describeOperator } from '../codec/model.js';
import { OnnxAutogradError } from '../errors.js';
import { AttributeReader } from '../graph/attributes.js';
import type { Value } from '../graph/graph-builder.js';
import type { Operations } from '../graph/operations.js';

/**
 * Gradient of one operator: given the gradients of its outputs, adds nodes that compute those of its inputs.
 *
 * Returns one entry an input, in order; `null` (or a missing entry) only where `needs(index)` is false.
 * A gradient may have the shape to which its input was broadcast: the driver sums it back. The driver
 * also adds up gradients of values that are used several times.
 *
 * @example
 * // y = x², dx = 2 x dy
 * const square: GradientRule = ({ ops, input, gradOutput }) => [
 *   ops.mul(ops.mul(input(0), 2), gradOutput(0)),
 * ];
 */
export type GradientRule = (context: RuleContext) => readonly (Value | null)[];

/** What a gradient rule sees of its node. */
export interface RuleContext {
  readonly node: GraphNode;
  readonly attributes: AttributeReader;
  /** Version of the node's operator set. */
  readonly opset: number;
  readonly ops: Operations;
  /** Number of inputs, trailing left-out ones included. */
  readonly inputCount: number;
  /** Value of an input. @throws {OnnxAutogradError} If it is left out. */
  readonly input: (index: number) => Value;
  /** Value of an input, `undefined` if it is left out. */
  readonly optionalInput: (index: number) => Value | undefined;
  /** Value of an output. @throws {OnnxAutogradError} If the node does not have it. */
  readonly output: (index: number) => Value;
  readonly hasOutput: (index: number) => boolean;
  /** Gradient with respect to an output; zeros where none arrives. */
  readonly gradOutput: (index: number) => Value;
  /** Gradient with respect to an output, `undefined` where none arrives. */
  readonly optionalGradOutput: (index: number) => Value | undefined;
  /** Whether the gradient of this input is wanted. */
  readonly needs: (index: number) => boolean;
  readonly typeOf: (index: number) => ElementType;
  /** Sizes of an input as far as known: numbers, or names; `undefined` if the rank is not. */
  readonly shapeOf: (index: number) => readonly Dimension[] | undefined;
  /** Rank of an input. @throws {OnnxAutogradError} If it cannot be inferred. */
  readonly rankOf: (index: number) => number;
  /** Elements of an input that is a small constant. */
  readonly constants: (index: number) => readonly number[] | undefined;
  /** Stops with an error that names the node. */
  readonly unsupported: (problem: string) => never;
}

/** Values of a node as its rule sees them, and the gradients that arrived. */
export interface RuleContextSource {
  readonly node: GraphNode;
  readonly ops: Operations;
  /** Maps a forward value to the one to use, which is a recomputed one under checkpointing. */
  readonly forwardValue: (name: Value) => Value;
  readonly gradientOf: (name: Value) => Value | undefined;
  readonly isNeeded: (name: Value) => boolean;
  /** Called with the index of each output whose gradient the rule asks for. */
  readonly onGradientRead?: (index: number) => void;
}

export function makeRuleContext(source: RuleContextSource): RuleContext {
  const { node, ops, forwardValue, gradientOf, isNeeded } = source;
  const place = { operator: node.operator, domain: node.domain, node: describeNode(node) };
  const unsupported = (problem: string): never => {
    throw new OnnxAutogradError(
      'unsupported',
      `The gradient of ${describeOperator(node.operator, node.domain)} node "${describeNode(node)}" ${problem}.`,
      place,
    );
  };
  const inputName = (index: number): Value | undefined => {
    const name = node.inputs[index];
    return name === undefined || name === '' ? undefined : name;
  };
  const input = (index: number): Value =>
    forwardValue(inputName(index) ?? unsupported(`needs input ${index}, which is left out`));
  const hasOutput = (index: number): boolean => (node.outputs[index] ?? '') !== '';
  const output = (index: number): Value =>
    hasOutput(index)
      ? forwardValue(node.outputs[index] ?? '')
      : unsupported(`needs output ${index}, which is left out`);
  const optionalGradOutput = (index: number): Value | undefined => {
    source.onGradientRead?.(index);
    return hasOutput(index) ? gradientOf(node.outputs[index] ?? '') : undefined;
  };
  return {
    node,
    ops,
    attributes: new AttributeReader(node),
    opset: ops.builder.opset(node.domain),
    inputCount: node.inputs.length,
    input,
    optionalInput: (index) => {
      const name = inputName(index);
      return name === undefined ? undefined : forwardValue(name);
    },
    output,
    hasOutput,
    optionalGradOutput,
    gradOutput: (index) => optionalGradOutput(index) ?? ops.zerosLike(output(index)),
    needs: (index) => {
      const name = inputName(index);
      return name !== undefined && isNeeded(name);
    },
    typeOf: (index) => ops.typeOf(input(index)),
    shapeOf: (index) => {
      const name = inputName(index);
      return name === undefined ? undefined : ops.shapeInfo(name);
    },
    rankOf: (index) => ops.requireRank(input(index)),
    constants: (index) => {
      const name = inputName(index);
      if (name === undefined) return undefined;
      const { values } = ops.builder.inference.info(name);
      if (values?.every((value) => typeof value === 'number')) return values as readonly number[];
      return ops.builder.inference.constantValues(name);
    },
    unsupported,
  };
}

/** Rules by domain and operator. */
export type GradientRules = Readonly<Record<string, Readonly<Record<string, GradientRule>>>>;

/**
 * Marks an operator whose outputs do not change when its inputs move a little (comparisons, rounding,
 * shapes): gradients stop there, as in every other framework.
 */
export const zeroGradient: GradientRule = ({ node }) => node.inputs.map(() => null);
